import { workloadOf, type FunctionDeployment } from '../../provider/index.ts';
import { dockerConfigLogins, RegistryError, type CredentialStore } from '../../registry/index.ts';
import { SecretError, type SecretStore } from '../../secrets/index.ts';
import { StartError } from './start-error.ts';

/** Registry logins of functions: secrets of their namespace that hold a docker config.json. */
export class PullSecrets {
  readonly #secrets: SecretStore;

  constructor(secrets: SecretStore) {
    this.#secrets = secrets;
  }

  /**
   * Reads the logins of the secret that the annotation `com.openfaas.image.pull-secret` names; undefined without it.
   * @throws StartError when there is no such secret, or it holds something else
   */
  async loginsOf(deployment: FunctionDeployment): Promise<CredentialStore | undefined> {
    const { namespace } = deployment;
    const { pullSecret: name } = workloadOf(deployment);
    if (name === undefined) return undefined;
    const where = `secret ${name} of namespace ${namespace}`;
    try {
      return dockerConfigLogins(await this.#secrets.read(namespace, name), where);
    } catch (cause) {
      if (cause instanceof SecretError && cause.kind === 'not-found') {
        const missing = `pull secret ${name} does not exist in namespace ${namespace}`;
        throw new StartError('invalid', `${missing}: create it from a docker config.json first`, { cause });
      }
      if (cause instanceof RegistryError) throw new StartError('invalid', cause.message, { cause });
      throw cause;
    }
  }
}

import {
  BadRequestError,
  SecretExistsError,
  SecretNotFoundError,
  type Secret,
  type SecretName,
  type SecretVerbs,
} from '../../provider/index.ts';
import { SecretError, type SecretStore } from '../../secrets/index.ts';

/** The secrets API on the store, in namespaces that functions can be in. */
export function secretVerbs(store: SecretStore, requireNamespace: (name: string) => Promise<void>): SecretVerbs {
  const verb = async (secret: SecretName, act: () => Promise<void>) => {
    await requireNamespace(secret.namespace);
    await act().catch((error: unknown) => {
      throw toSecretProviderError(error, secret);
    });
  };
  return {
    list: async (namespace) => {
      await requireNamespace(namespace);
      return store.list(namespace);
    },
    create: (secret: Secret) => verb(secret, () => store.create(secret.namespace, secret.name, secret.value)),
    update: (secret: Secret) => verb(secret, () => store.update(secret.namespace, secret.name, secret.value)),
    remove: (secret) => verb(secret, () => store.remove(secret.namespace, secret.name)),
  };
}

function toSecretProviderError(error: unknown, secret: SecretName): unknown {
  if (!(error instanceof SecretError)) return error;
  switch (error.kind) {
    case 'exists':
      return new SecretExistsError(secret);
    case 'not-found':
      return new SecretNotFoundError(secret);
    case 'invalid-name':
      return new BadRequestError(error.message, { cause: error });
  }
}

/** Throws BadRequestError naming the first secret that is not there. */
export async function requireSecrets(store: SecretStore, namespace: string, names: string[]): Promise<void> {
  for (const name of names) {
    if (await store.has(namespace, name)) continue;
    throw new BadRequestError(
      `secret ${name} does not exist in namespace ${namespace}: create it first, e.g. faas-cli secret create ${name}`,
    );
  }
}

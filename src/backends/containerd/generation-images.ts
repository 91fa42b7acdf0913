import { parseReference } from '../../registry/index.ts';
import type { PullSecrets } from './pull-secrets.ts';
import { workloadOf, type FunctionDeployment, type PullPolicy } from '../../provider/index.ts';
import type { Images, UnpackedImage } from './images/index.ts';

/** Pulls images of generations: by the function's pull policy at first, later always by the resolved digest. */
export class GenerationImages {
  readonly #images: Images;
  readonly #pullSecrets: PullSecrets;
  readonly #defaultPolicy?: PullPolicy;
  readonly #running = new WeakMap<FunctionDeployment, Promise<UnpackedImage>>();

  constructor(options: { images: Images; pullSecrets: PullSecrets; defaultPolicy?: PullPolicy }) {
    const { images, pullSecrets, defaultPolicy } = options;
    this.#images = images;
    this.#pullSecrets = pullSecrets;
    this.#defaultPolicy = defaultPolicy;
  }

  /** @throws StartError when the deployment names a pull secret that is not there, or holds no logins */
  async requireLogins(deployment: FunctionDeployment): Promise<void> {
    await this.#pullSecrets.loginsOf(deployment);
  }

  async ensure(deployment: FunctionDeployment, digest?: string): Promise<UnpackedImage> {
    if (!digest) return this.#resolved(deployment);
    const { image, namespace } = deployment;
    const present = await this.#images.present(namespace, image, digest);
    if (present) return present;
    const { registry, repository } = parseReference(image);
    const logins = await this.#pullSecrets.loginsOf(deployment);
    return this.#images.ensure(namespace, `${registry}/${repository}@${digest}`, 'IfNotPresent', { logins });
  }

  /** Resolves a tag once: a pull that took longer than its deploy waited is joined by whoever asks again. */
  #resolved(deployment: FunctionDeployment): Promise<UnpackedImage> {
    const running = this.#running.get(deployment);
    if (running) return running;
    const pull = this.#pull(deployment).finally(() => this.#running.delete(deployment));
    this.#running.set(deployment, pull);
    return pull;
  }

  async #pull(deployment: FunctionDeployment): Promise<UnpackedImage> {
    const { image, namespace } = deployment;
    const policy = workloadOf(deployment).pullPolicy ?? this.#defaultPolicy;
    return this.#images.ensure(namespace, image, policy, { logins: await this.#pullSecrets.loginsOf(deployment) });
  }
}

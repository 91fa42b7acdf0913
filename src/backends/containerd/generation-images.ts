import { parseReference } from '../../registry/index.ts';
import { workloadOf, type FunctionDeployment, type PullPolicy } from '../../provider/index.ts';
import type { Images, UnpackedImage } from './images/index.ts';

/** Pulls images of generations: by the function's pull policy at first, later always by the resolved digest. */
export class GenerationImages {
  readonly #images: Images;
  readonly #defaultPolicy?: PullPolicy;
  readonly #running = new WeakMap<FunctionDeployment, Promise<UnpackedImage>>();

  constructor({ images, defaultPolicy }: { images: Images; defaultPolicy?: PullPolicy }) {
    this.#images = images;
    this.#defaultPolicy = defaultPolicy;
  }

  async ensure(deployment: FunctionDeployment, digest?: string): Promise<UnpackedImage> {
    if (!digest) return this.#resolved(deployment);
    const { image, namespace } = deployment;
    const present = await this.#images.present(namespace, image, digest);
    if (present) return present;
    const { registry, repository } = parseReference(image);
    return this.#images.ensure(namespace, `${registry}/${repository}@${digest}`, 'IfNotPresent');
  }

  /** Resolves a tag once: a pull that took longer than its deploy waited is joined by whoever asks again. */
  #resolved(deployment: FunctionDeployment): Promise<UnpackedImage> {
    const running = this.#running.get(deployment);
    if (running) return running;
    const { image, namespace } = deployment;
    const policy = workloadOf(deployment).pullPolicy ?? this.#defaultPolicy;
    const pull = this.#images.ensure(namespace, image, policy).finally(() => this.#running.delete(deployment));
    this.#running.set(deployment, pull);
    return pull;
  }
}

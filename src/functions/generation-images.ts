import { parseReference } from '../registry/index.ts';
import type { FunctionDeployment } from '../provider/index.ts';
import type { Images, PullPolicy, UnpackedImage } from './images/index.ts';
import { pullPolicyOf } from './settings.ts';

/** The image of a generation: by the function's pull policy the first time, later always the digest it was resolved to. */
export class GenerationImages {
  readonly #images: Images;
  readonly #defaultPolicy?: PullPolicy;

  constructor({ images, defaultPolicy }: { images: Images; defaultPolicy?: PullPolicy }) {
    this.#images = images;
    this.#defaultPolicy = defaultPolicy;
  }

  async ensure(deployment: FunctionDeployment, digest?: string): Promise<UnpackedImage> {
    const { image, namespace } = deployment;
    if (!digest) return this.#images.ensure(namespace, image, pullPolicyOf(deployment) ?? this.#defaultPolicy);
    const present = await this.#images.present(namespace, image, digest);
    if (present) return present;
    const { registry, repository } = parseReference(image);
    return this.#images.ensure(namespace, `${registry}/${repository}@${digest}`, 'IfNotPresent');
  }
}

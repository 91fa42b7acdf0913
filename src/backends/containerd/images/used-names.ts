import { parseReference, referenceByDigest } from '../../../registry/index.ts';

/** The image of a version; it has no digest while it is being pulled. */
export interface UsedImage {
  image: string;
  digest?: string;
}

/** The names of the image records that versions need. */
export class UsedNames {
  readonly #names = new Set<string>();
  /** Repositories of which every digest may be needed. */
  readonly #repositories = new Set<string>();

  constructor(used: UsedImage[]) {
    for (const { image, digest } of used) {
      const reference = parseReference(image);
      this.#names.add(reference.name);
      if (digest === undefined) this.#repositories.add(`${reference.registry}/${reference.repository}`);
      else this.#names.add(referenceByDigest(reference, digest).name);
    }
  }

  /** Says whether the record of this name is needed. */
  has(record: string): boolean {
    const at = record.indexOf('@');
    return this.#names.has(record) || (at !== -1 && this.#repositories.has(record.slice(0, at)));
  }
}

import { withTimeout, type RpcOptions, type Connection } from './connection.ts';
import type { Image__Output } from './generated/containerd/services/images/v1/Image.ts';
import { images as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, toDescriptor, type ContentDescriptor, type Labels } from './wire-types.ts';

/** A name of a manifest or index in the content store. */
export interface Image {
  name: string;
  labels: Labels;
  target: ContentDescriptor;
  createdAt?: Date;
}

export interface NewImage {
  name: string;
  labels?: Labels;
  target: ContentDescriptor;
}

const collectionTimeoutMs = 60_000;

/** Makes the calls on images. */
export function imagesOn(connection: Connection) {
  return {
    /** @throws ContainerdError for which `isNotFound` is true when there is none of this name */
    async get(name: string, options?: RpcOptions): Promise<Image> {
      const { image } = await connection.unary(methods.Get, { name }, options);
      return toImage(image);
    },
    async list(filters: string[] = [], options?: RpcOptions): Promise<Image[]> {
      const { images } = await connection.unary(methods.List, { filters }, options);
      return images.map(toImage);
    },
    /** @throws ContainerdError for which `isAlreadyExists` is true when the name is taken */
    async create(image: NewImage, options?: RpcOptions): Promise<Image> {
      const response = await connection.unary(methods.Create, { image }, options);
      return toImage(response.image);
    },
    /** Replaces target and labels of an image; with paths (`target`, `labels.<key>`) only those change. */
    async update(image: NewImage, paths: string[] = [], options?: RpcOptions): Promise<Image> {
      const response = await connection.unary(methods.Update, { image, updateMask: { paths } }, options);
      return toImage(response.image);
    },
    /** Removes the name. With `sync` it answers once what the image alone kept has been collected. */
    async delete(name: string, { sync = false, ...options }: RpcOptions & { sync?: boolean } = {}): Promise<void> {
      await connection.unary(methods.Delete, { name, sync }, withTimeout(options, collectionTimeoutMs));
    },
  };
}

function toImage(wire: Image__Output | null): Image {
  const { name, labels, target, createdAt } = present(wire);
  return { name, labels, target: toDescriptor(target), createdAt: toDate(createdAt) };
}

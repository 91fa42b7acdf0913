// Original file: protos/images.proto

export interface DeleteImageRequest {
  name?: string;
  /**
   * Answers only after a full garbage collection.
   */
  sync?: boolean;
}

export interface DeleteImageRequest__Output {
  name: string;
  /**
   * Answers only after a full garbage collection.
   */
  sync: boolean;
}

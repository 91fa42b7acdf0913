// Original file: protos/leases.proto

export interface DeleteRequest {
  id?: string;
  /**
   * Answers only after a full garbage collection.
   */
  sync?: boolean;
}

export interface DeleteRequest__Output {
  id: string;
  /**
   * Answers only after a full garbage collection.
   */
  sync: boolean;
}

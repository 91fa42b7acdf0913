// Original file: protos/leases.proto

export interface CreateRequest {
  /**
   * "" lets the daemon make one.
   */
  id?: string;
  labels?: { [key: string]: string };
}

export interface CreateRequest__Output {
  /**
   * "" lets the daemon make one.
   */
  id: string;
  labels: { [key: string]: string };
}

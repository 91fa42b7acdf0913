// Original file: protos/leases.proto

export interface ListResourcesRequest {
  id?: string;
}

export interface ListResourcesRequest__Output {
  id: string;
}

// Original file: protos/namespaces.proto

export interface ListNamespacesRequest {
  filter?: string;
}

export interface ListNamespacesRequest__Output {
  filter: string;
}

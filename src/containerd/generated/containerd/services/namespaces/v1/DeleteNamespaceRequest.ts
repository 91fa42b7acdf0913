// Original file: protos/namespaces.proto

export interface DeleteNamespaceRequest {
  name?: string;
}

export interface DeleteNamespaceRequest__Output {
  name: string;
}

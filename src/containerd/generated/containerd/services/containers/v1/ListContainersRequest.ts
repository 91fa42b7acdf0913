// Original file: protos/containers.proto

export interface ListContainersRequest {
  filters?: string[];
}

export interface ListContainersRequest__Output {
  filters: string[];
}

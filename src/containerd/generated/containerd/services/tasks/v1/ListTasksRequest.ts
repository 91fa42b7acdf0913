// Original file: protos/tasks.proto

export interface ListTasksRequest {
  filter?: string;
}

export interface ListTasksRequest__Output {
  filter: string;
}

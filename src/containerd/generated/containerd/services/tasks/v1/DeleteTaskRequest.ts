// Original file: protos/tasks.proto

export interface DeleteTaskRequest {
  containerId?: string;
}

export interface DeleteTaskRequest__Output {
  containerId: string;
}

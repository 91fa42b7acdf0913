// Original file: protos/tasks.proto

export interface PauseTaskRequest {
  containerId?: string;
}

export interface PauseTaskRequest__Output {
  containerId: string;
}

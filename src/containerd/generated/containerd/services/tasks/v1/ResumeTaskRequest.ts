// Original file: protos/tasks.proto

export interface ResumeTaskRequest {
  containerId?: string;
}

export interface ResumeTaskRequest__Output {
  containerId: string;
}

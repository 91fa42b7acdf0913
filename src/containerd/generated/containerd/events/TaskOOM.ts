// Original file: protos/task_events.proto

export interface TaskOOM {
  containerId?: string;
}

export interface TaskOOM__Output {
  containerId: string;
}

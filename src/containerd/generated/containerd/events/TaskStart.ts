// Original file: protos/task_events.proto

export interface TaskStart {
  containerId?: string;
  pid?: number;
}

export interface TaskStart__Output {
  containerId: string;
  pid: number;
}

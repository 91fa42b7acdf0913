import { constants } from 'node:os';
import { withTimeout, type RpcOptions, type Connection } from './connection.ts';
import type { Process__Output } from './generated/containerd/v1/types/Process.ts';
import { toTaskMetrics, type TaskMetrics } from './task-metrics.ts';
import { tasks as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, type Mount } from './wire-types.ts';

export type TaskStatus = 'UNKNOWN' | 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';

/** The process of a container. */
export interface Task {
  containerId: string;
  pid: number;
  status: TaskStatus;
  /** 128 + signal when a signal ended it; 0 while it runs. */
  exitStatus: number;
  /** Absent while it runs. */
  exitedAt?: Date;
  stdout: string;
  stderr: string;
}

interface TaskKey {
  containerId: string;
}

type TaskSignal = TaskKey & { signal: NodeJS.Signals | number };

/** A task to create from a container record. */
export interface NewTask {
  containerId: string;
  /** A URI as the shim takes it: "" is /dev/null, `file:///path` appends, a plain path is a FIFO. */
  stdout?: string;
  /** A URI like that of `stdout`. */
  stderr?: string;
  /** As `snapshots.mounts` gave them. */
  rootfs: Mount[];
}

/** How a process ended. */
export interface Exit {
  /** 128 + signal when a signal ended it. */
  exitStatus: number;
  /** Absent for a task that was never started. */
  exitedAt?: Date;
}

// Runs the shim and runc, which a loaded or small host does slowly; a Create cut off half-way leaves a stray shim.
export const processTimeoutMs = 120_000;
export const controlTimeoutMs = 60_000;

/** Makes the calls on tasks. */
export function tasksOn(connection: Connection) {
  return {
    /** Makes the process and its namespaces, up to but not into the program: status CREATED. */
    async create(task: NewTask, options?: RpcOptions): Promise<{ pid: number }> {
      return await connection.unary(methods.Create, task, withTimeout(options, processTimeoutMs));
    },
    /** Lets the program of a created task run. */
    async start(task: TaskKey, options?: RpcOptions): Promise<{ pid: number }> {
      return await connection.unary(methods.Start, task, withTimeout(options, processTimeoutMs));
    },
    /** Deletes a task that has ended. A running or paused one is refused with UNKNOWN: kill it and wait first. */
    async delete(containerId: string, options?: RpcOptions): Promise<Exit> {
      const response = await connection.unary(methods.Delete, { containerId }, withTimeout(options, processTimeoutMs));
      return toExit(response);
    },
    /** @throws ContainerdError for which `isNotFound` is true when the container has no task */
    async get(containerId: string, options?: RpcOptions): Promise<Task> {
      const { process } = await connection.unary(methods.Get, { containerId }, options);
      return toTask(present(process));
    },
    /**
     * Sends a signal. A paused task gets SIGKILL at once and others when it is resumed.
     * @throws ContainerdError for which `isNotFound` is true when the process has ended
     */
    async kill({ signal, ...task }: TaskSignal, options?: RpcOptions): Promise<void> {
      const number = typeof signal === 'number' ? signal : constants.signals[signal];
      await connection.unary(methods.Kill, { ...task, signal: number }, withTimeout(options, controlTimeoutMs));
    },
    /** Measures tasks, at some milliseconds each: filters such as `id==f1`, or none for every task. */
    async metrics(filters: string[] = [], options?: RpcOptions): Promise<TaskMetrics[]> {
      const { metrics } = await connection.unary(methods.Metrics, { filters }, withTimeout(options, controlTimeoutMs));
      return metrics.map(toTaskMetrics).filter((usage) => usage !== undefined);
    },
    /** Resolves when the process ends, or has ended; no default deadline. A restart of containerd breaks it. */
    async wait(task: TaskKey, options?: RpcOptions): Promise<Exit> {
      return toExit(await connection.unary(methods.Wait, task, withTimeout(options, Infinity)));
    },
  };
}

function toTask({ id, pid, status, exitStatus, exitedAt, stdout, stderr }: Process__Output): Task {
  return { containerId: id, pid, status, exitStatus, exitedAt: toDate(exitedAt), stdout, stderr };
}

/** Reads how a process ended out of a message. */
export function toExit({ exitStatus, exitedAt }: { exitStatus: number; exitedAt: Process__Output['exitedAt'] }): Exit {
  return { exitStatus, exitedAt: toDate(exitedAt) };
}

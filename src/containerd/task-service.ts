import { constants } from 'node:os';
import { jsonAny, linuxResourcesTypeUrl, processTypeUrl, runcOptionsAny, toWireAny, type RuncOptions } from './any.ts';
import { withTimeout, type CallOptions, type Connection } from './call.ts';
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

/** A container's first process, or one that `exec` added. */
export interface ProcessKey {
  containerId: string;
  execId?: string;
}

/** URIs as the shim takes them: "" is /dev/null, `file:///path` appends, a plain path is a FIFO. */
export interface Stdio {
  stdin?: string;
  stdout?: string;
  stderr?: string;
  terminal?: boolean;
}

export interface NewTask extends Stdio {
  containerId: string;
  /** As `snapshots.mounts` gave them. */
  rootfs: Mount[];
  /** Default: the container's. */
  options?: RuncOptions;
}

export interface NewExec extends Stdio {
  containerId: string;
  execId: string;
  /** `process` of the OCI runtime specification: args, env, cwd, user. */
  process: object;
}

export interface Exit {
  /** 128 + signal when a signal ended it. */
  exitStatus: number;
  /** Absent for a task that was never started. */
  exitedAt?: Date;
}

export type Tasks = ReturnType<typeof tasksOn>;

// Runs the shim and runc, which a loaded or small host does slowly; a Create cut off half-way leaves a stray shim.
const processTimeoutMs = 120_000;
const controlTimeoutMs = 60_000;

export function tasksOn(connection: Connection) {
  return {
    /** Makes the process and its namespaces, up to but not into the program: status CREATED. */
    async create({ options: runc, ...task }: NewTask, options?: CallOptions): Promise<{ pid: number }> {
      const request = { ...task, ...(runc && { options: toWireAny(runcOptionsAny(runc)) }) };
      const { pid } = await connection.unary(methods.Create, request, withTimeout(options, processTimeoutMs));
      return { pid };
    },
    async start(process: ProcessKey, options?: CallOptions): Promise<{ pid: number }> {
      return await connection.unary(methods.Start, process, withTimeout(options, processTimeoutMs));
    },
    /** A running or paused task is refused with UNKNOWN: kill it and wait first. */
    async delete(containerId: string, options?: CallOptions): Promise<Exit> {
      const response = await connection.unary(methods.Delete, { containerId }, withTimeout(options, processTimeoutMs));
      return toExit(response);
    },
    async deleteProcess(process: Required<ProcessKey>, options?: CallOptions): Promise<Exit> {
      const response = await connection.unary(methods.DeleteProcess, process, withTimeout(options, processTimeoutMs));
      return toExit(response);
    },
    async get(containerId: string, options?: CallOptions): Promise<Task> {
      const { process } = await connection.unary(methods.Get, { containerId }, options);
      return toTask(present(process));
    },
    async list(options?: CallOptions): Promise<Task[]> {
      const { tasks } = await connection.unary(methods.List, {}, options);
      return tasks.map(toTask);
    },
    /** Throws `isNotFound` when the process has ended. A paused task gets SIGKILL at once, others after `resume`. */
    async kill(
      { signal, ...process }: ProcessKey & { signal: NodeJS.Signals | number; all?: boolean },
      options?: CallOptions,
    ): Promise<void> {
      const number = typeof signal === 'number' ? signal : constants.signals[signal];
      await connection.unary(methods.Kill, { ...process, signal: number }, withTimeout(options, controlTimeoutMs));
    },
    /** Adds a process to a running task; `start` with its `execId` sets it off. */
    async exec({ process, ...exec }: NewExec, options?: CallOptions): Promise<void> {
      const request = { ...exec, spec: toWireAny(jsonAny(processTypeUrl, process)) };
      await connection.unary(methods.Exec, request, withTimeout(options, processTimeoutMs));
    },
    async pause(containerId: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Pause, { containerId }, withTimeout(options, controlTimeoutMs));
    },
    async resume(containerId: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Resume, { containerId }, withTimeout(options, controlTimeoutMs));
    },
    /** Of every process in the container, as the host sees them. */
    async listPids(containerId: string, options?: CallOptions): Promise<number[]> {
      const { processes } = await connection.unary(methods.ListPids, { containerId }, options);
      return processes.map(({ pid }) => pid);
    },
    /** `resources` is `linux.resources` of the OCI runtime specification. */
    async update(
      { resources, ...task }: { containerId: string; resources: object; annotations?: Record<string, string> },
      options?: CallOptions,
    ): Promise<void> {
      const request = { ...task, resources: toWireAny(jsonAny(linuxResourcesTypeUrl, resources)) };
      await connection.unary(methods.Update, request, withTimeout(options, controlTimeoutMs));
    },
    /** Filters such as `id==f1`; none means every task, at some milliseconds each. */
    async metrics(filters: string[] = [], options?: CallOptions): Promise<TaskMetrics[]> {
      const { metrics } = await connection.unary(methods.Metrics, { filters }, withTimeout(options, controlTimeoutMs));
      return metrics.map(toTaskMetrics).filter((usage) => usage !== undefined);
    },
    /** Answers when the process ends, or at once if it has; no deadline unless one is given. Breaks with the daemon. */
    async wait(process: ProcessKey, options?: CallOptions): Promise<Exit> {
      return toExit(await connection.unary(methods.Wait, process, withTimeout(options, Infinity)));
    },
  };
}

function toTask({ id, pid, status, exitStatus, exitedAt, stdout, stderr }: Process__Output): Task {
  return { containerId: id, pid, status, exitStatus, exitedAt: toDate(exitedAt), stdout, stderr };
}

function toExit({ exitStatus, exitedAt }: { exitStatus: number; exitedAt: Process__Output['exitedAt'] }): Exit {
  return { exitStatus, exitedAt: toDate(exitedAt) };
}

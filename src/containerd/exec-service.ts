import { constants } from 'node:os';
import { jsonAny, processTypeUrl, toWireAny } from './any.ts';
import { withTimeout, type Connection, type RpcOptions } from './connection.ts';
import { tasks as methods } from './protos.ts';
import { controlTimeoutMs, processTimeoutMs, toExit, type Exit } from './task-service.ts';
import { present } from './wire-types.ts';

/** Names a further process of a running task. */
export interface ExecKey {
  containerId: string;
  execId: string;
}

/** A process to add to a task. */
export interface NewExec extends ExecKey {
  /** As the `process` of an OCI runtime specification. */
  process: object;
  terminal: boolean;
  /** Paths of FIFOs; a terminal has no stderr of its own. */
  stdin?: string;
  stdout?: string;
  stderr?: string;
}

/** Makes the calls on further processes of tasks. */
export function execsOn(connection: Connection) {
  return {
    /** Adds the process; nothing runs before `start`. */
    async create({ process, ...exec }: NewExec, options?: RpcOptions): Promise<void> {
      const wire = { ...exec, spec: toWireAny(jsonAny(processTypeUrl, process)) };
      await connection.unary(methods.Exec, wire, withTimeout(options, processTimeoutMs));
    },
    /** @throws ContainerdError with the runtime's words when there is no such program */
    async start(exec: ExecKey, options?: RpcOptions): Promise<{ pid: number }> {
      return await connection.unary(methods.Start, exec, withTimeout(options, processTimeoutMs));
    },
    /** Resolves when the process ends, or has ended; no default deadline. A restart of containerd breaks it. */
    async wait(exec: ExecKey, options?: RpcOptions): Promise<Exit> {
      return toExit(await connection.unary(methods.Wait, exec, withTimeout(options, Infinity)));
    },
    /** Asks for its process id and whether it runs. */
    async get(exec: ExecKey, options?: RpcOptions): Promise<{ pid: number; status: string }> {
      const { pid, status } = present((await connection.unary(methods.Get, exec, options)).process);
      return { pid, status };
    },
    async kill({ signal, ...exec }: ExecKey & { signal: NodeJS.Signals }, options?: RpcOptions): Promise<void> {
      const number = constants.signals[signal];
      await connection.unary(methods.Kill, { ...exec, signal: number }, withTimeout(options, controlTimeoutMs));
    },
    /** Tells the process's terminal its size, in characters. */
    async resize(exec: ExecKey & { width: number; height: number }, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.ResizePty, exec, withTimeout(options, controlTimeoutMs));
    },
    /** Ends its standard input once what was written to the FIFO is read. */
    async closeStdin(exec: ExecKey, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.CloseIO, { ...exec, stdin: true }, withTimeout(options, controlTimeoutMs));
    },
    /** Forgets a process that has ended, once what it wrote was passed on: up to 10 s where its children write on. */
    async delete(exec: ExecKey, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.DeleteProcess, exec, withTimeout(options, processTimeoutMs));
    },
  };
}

import { ReadStream, WriteStream } from 'node:tty';
import { describeError } from '../base/log.ts';
import { ExecProcess, isUnavailable, type Container, type Containerd, type ExecEnd } from '../containerd/index.ts';
import { guardExec } from './exec-guard.ts';
import { makeRaw } from './raw-terminal.ts';
import type { Cli, ExitCode } from './verb.ts';

export interface ReplicaCommand {
  containerd: Containerd;
  namespace: string;
  replica: Container;
  /** Names the process; no other of the replica has the name. */
  id: string;
  /** Where its FIFOs are made. */
  folder: string;
  command: string[];
  /** Print one JSON object at the end. */
  asJson: boolean;
  cli: Cli;
}

/** The terminal that berth runs in. */
interface Screen {
  input: ReadStream;
  output: WriteStream;
}

/** The exit code where a command cannot be started, as shells have it. */
const notStarted = 127;

/** How long a command may take to end once berth is asked to. */
const leaveMs = 5_000;

const passedOn = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a command in a replica, with this process's streams, to its end. */
export async function runInReplica(options: ReplicaCommand): Promise<ExitCode> {
  const { containerd, namespace, replica, id, folder, asJson, cli } = options;
  const screen = asJson ? undefined : screenOf(cli);
  const key = { namespace, containerId: replica.id, execId: id };
  const guard = guardExec(cli.folder, key);
  const process = processFor(options, screen);
  const running = await ExecProcess.start(containerd, {
    ...key,
    process,
    terminal: screen !== undefined,
    folder,
  }).catch((error: unknown) => {
    guard.dismiss();
    if (isUnavailable(error)) throw error;
    cli.stderr.write(`berth exec: ${describeError(error)}\n`);
  });
  if (!running) return notStarted;
  const stopPassing = passSignals(running);
  try {
    const { exitStatus, isOutputClosed } = await attach(running, options, screen);
    // What the command left running may write for as long as it likes: the guard tidies up behind it.
    if (isOutputClosed) {
      await running.remove();
      guard.dismiss();
    }
    return exitStatus;
  } finally {
    stopPassing();
    cli.stdin.destroy();
  }
}

function screenOf({ stdin, stdout }: Cli): Screen | undefined {
  return stdin instanceof ReadStream && stdout instanceof WriteStream ? { input: stdin, output: stdout } : undefined;
}

/** Makes the process that runs the command: the function's own but for what it runs. */
function processFor({ replica, command, cli }: ReplicaCommand, screen: Screen | undefined): object {
  const { process: own } = replica.spec as { process: { env?: string[] } };
  if (!screen) return { ...own, args: command, terminal: false };
  const { columns: width, rows: height } = screen.output;
  const env = (own.env ?? []).filter((variable) => !variable.startsWith('TERM='));
  env.push(`TERM=${cli.env.TERM ?? 'xterm'}`);
  return { ...own, args: command, env, terminal: true, consoleSize: { width, height } };
}

/** Passes signals on that would end berth, until what it returns is called. */
function passSignals(running: ExecProcess): () => void {
  const pass = (signal: NodeJS.Signals) => {
    void running.kill(signal);
    // Whoever sent one of these wants an end; what a person types at a keyboard may mean something else.
    if (signal === 'SIGTERM' || signal === 'SIGHUP') setTimeout(() => void running.kill('SIGKILL'), leaveMs).unref();
  };
  for (const name of passedOn) process.on(name, pass);
  return () => {
    for (const name of passedOn) process.off(name, pass);
  };
}

/** Connects the process's streams with ours until it ends. */
async function attach(running: ExecProcess, options: ReplicaCommand, screen: Screen | undefined): Promise<ExecEnd> {
  const { stdin, stdout, stderr } = options.cli;
  const resize = () => void (screen && running.resize(screen.output.columns, screen.output.rows));
  const restore = screen && makeRaw(screen.input);
  screen?.output.on('resize', resize);
  resize();
  stdin.pipe(running.stdin, { end: false });
  for (const event of ['end', 'error']) stdin.once(event, () => void running.endStdin());
  try {
    if (options.asJson) return await printJson(running, options);
    for (const [from, to] of [
      [running.stdout, stdout],
      [running.stderr, stderr],
    ] as const) {
      from?.pipe(to, { end: false });
    }
    return await running.ended();
  } finally {
    stdin.unpipe(running.stdin);
    screen?.output.off('resize', resize);
    restore?.();
  }
}

async function printJson(running: ExecProcess, { replica, cli }: ReplicaCommand): Promise<ExecEnd> {
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const name of ['stdout', 'stderr'] as const)
    running[name]?.on('data', (chunk: Buffer) => kept[name].push(chunk));
  const end = await running.ended();
  const [stdout, stderr] = [kept.stdout, kept.stderr].map((chunks) => Buffer.concat(chunks).toString());
  cli.stdout.write(`${JSON.stringify({ replica: replica.id, exitCode: end.exitStatus, stdout, stderr })}\n`);
  return end;
}

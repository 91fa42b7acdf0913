import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { endProcess } from '../helpers/processes.ts';
import type { PeerAnswer, PeerCommand } from './peer-program.ts';

/** The network that the benchmark was started from, which test/run keeps open under this number. */
const outsideFd = 9;

/** Another OpenFaaS-compatible server, outside of the benchmark's network. */
export interface Peer extends AsyncDisposable {
  /** Put before a program, it runs in the peer's network. */
  prefix: string[];
  /** Deploys the benchmark's function; gives its address. */
  prepare(): Promise<string>;
  /** Deploys, updates and wakes once: what it was and how many milliseconds it took. */
  live(): Promise<[what: string, ms: number][]>;
}

/**
 * Starts a program that asks the server from its own network, and has a registry there.
 * @throws Error when the server cannot be reached
 */
export async function startPeer(url: string, image = ''): Promise<Peer> {
  const prefix = ['nsenter', `--net=/proc/${process.pid}/fd/${outsideFd}`];
  const program = [process.execPath, join(import.meta.dirname, 'peer-program.ts'), url, image];
  const [nsenter = '', ...args] = [...prefix, ...program];
  const child = spawn(nsenter, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await answerOf(child);
  const ask = (command: PeerCommand) => {
    child.send(command);
    return answerOf(child);
  };
  return {
    prefix,
    prepare: async () => (await ask('prepare')).url,
    live: async () => (await ask('live')).took,
    [Symbol.asyncDispose]: () => endProcess(child),
  };
}

async function answerOf(child: ChildProcess): Promise<PeerAnswer> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the program beside the other server ended with ${code}`);
  });
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [PeerAnswer];
  return answer;
}

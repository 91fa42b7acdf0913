import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Registry } from '@prometheus-io/client';
import { hasCode } from '../base/absent-file.ts';
import type { Log } from '../base/log.ts';
import { AsyncCalls, openQueue, Schedules } from '../gateway/index.ts';
import type { Provider, VersionInfo } from '../provider/index.ts';
import type { Config } from './config.ts';

export interface OpenAsyncOptions {
  provider: Provider;
  config: Config;
  version: VersionInfo;
  registry: Registry;
  /** The unix socket at which functions are called. */
  socketPath: string;
  log: Log;
}

/** Opens asynchronous calls as the config says; none is made before their `run`. */
export async function openAsync(options: OpenAsyncOptions): Promise<AsyncCalls> {
  const { config, version, ...others } = options;
  const { asyncMaxCalls: maxCalls, asyncMaxBytes: maxBytes, callbackAllow } = config;
  const dir = path.join(config.dataDir, 'async');
  const answerFolder = path.join(dir, 'answers');
  await mkdir(answerFolder, { recursive: true, mode: 0o700 });
  const { provider, log } = options;
  const isShared = provider.peers !== undefined;
  const queue = await openQueue({ dir, nats: natsOf(config), isShared, maxCalls, maxBytes, log });
  const schedules = new Schedules({ queue, path: path.join(dir, 'schedules.json'), isShared, log });
  await schedules.read();
  return new AsyncCalls({
    ...others,
    queue,
    schedules,
    config,
    bodyLimitBytes: config.asyncBodyLimitBytes,
    concurrency: config.asyncConcurrency,
    retentionMs: config.asyncRetentionMs,
    callbackAllow,
    answerFolder,
    userAgent: `berth/${version.release}`,
  });
}

/** The NATS server that is to keep asynchronous calls; undefined where the disk does. */
export function natsOf({
  natsAddress: address,
  natsCredentials: credentialsFile,
  natsCa: caFile,
  natsStream: name,
}: Config) {
  return address && { address, credentialsFile, caFile, name };
}

const socketName = /^calls-(\d+)\.sock$/;

/**
 * Returns where this process is to listen for its own calls, and removes what processes that are gone have left. By process, as
 * two live side by side at an upgrade.
 */
export async function callsSocket(runDir: string): Promise<string> {
  await mkdir(runDir, { recursive: true });
  for (const name of await readdir(runDir)) {
    const pid = Number(socketName.exec(name)?.[1] ?? 0);
    if (pid > 0 && !isAnother(pid)) await rm(path.join(runDir, name), { force: true });
  }
  return path.join(runDir, `calls-${process.pid}.sock`);
}

/** Says whether a process of this id lives that is not this one. */
function isAnother(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

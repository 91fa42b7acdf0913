import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../helpers/processes.ts';

interface Load {
  connections: number;
  seconds: number;
  /** The size of the body of a POST; a GET without it. */
  bodyBytes?: number;
  /** Run before wrk, such as nsenter to another network. */
  prefix?: string[];
}

interface LoadResult {
  perSecond: number;
  megabytesPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  answered: number;
  failed: number;
}

/** Loads an address with wrk, on one thread. */
export async function load(url: string, { connections, seconds, bodyBytes, prefix = [] }: Load): Promise<LoadResult> {
  const script = join(tmpdir(), 'wrk.lua');
  await writeFile(script, scriptOf(bodyBytes));
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const [program = 'wrk', ...before] = [...prefix, 'wrk'];
  const { stdout } = await run(program, [...before, ...args]);
  const result = /^result (.*)$/m.exec(stdout)?.[1];
  if (result === undefined) throw new Error(`wrk said: ${stdout}`);
  return JSON.parse(result) as LoadResult;
}

function scriptOf(bodyBytes: number | undefined): string {
  const post = bodyBytes === undefined ? '' : `wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n`;
  return `${post}function done(summary, latency)
  local seconds, errors = summary.duration / 1e6, summary.errors
  print(string.format('result {"perSecond": %f, "megabytesPerSecond": %f, "p50Ms": %f, "p99Ms": %f, "answered": %d, "failed": %d}',
    summary.requests / seconds, summary.bytes / 1e6 / seconds, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`;
}

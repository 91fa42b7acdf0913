import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCli } from '../../../src/cli/index.ts';
import type { Cli } from '../../../src/cli/verb.ts';
import type { Environment } from '../../../src/provider/index.ts';

const folder = join(import.meta.dirname, '../../..');

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `berth VERB …` in this process with these settings. */
export async function runVerb(args: string[], env: Environment = {}, more: Partial<Cli> = {}): Promise<Ran> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  const code = await runCli(args, {
    env,
    stdin,
    stdout,
    stderr,
    folder,
    signal: new AbortController().signal,
    ...more,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await said;
  return { code, stdout: out, stderr: err };
}

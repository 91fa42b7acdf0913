import type { Readable, Writable } from 'node:stream';
import type { Environment } from '../provider/index.ts';

/** What a verb may use of the process that it runs in. */
export interface Cli {
  /** The service's settings: those of its file, under the variables of this process. */
  env: Environment;
  /** Why the service's file could not be read; verbs that need it do not run then. */
  envError?: Error;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Where the program is: a checkout, or what install.sh made of one. */
  folder: string;
  /** Aborts when the user presses Ctrl-C. */
  signal: AbortSignal;
}

/** Exit codes: 0 it is done, 1 it failed, 2 it was called wrongly. */
export type ExitCode = number;

/** One word of the command line, such as `status` of `berth status`. */
export interface Verb {
  name: string;
  /** What it does, in one line. */
  summary: string;
  /** What follows the verb, and what it means: the text of `--help` below its first line. */
  usage: string;
  /** It has something to say without the service's settings as well. */
  bearsNoSettings?: boolean;
  /**
   * Parses what follows the verb, with `parseArgs` of node:util, does it, and prints; with `--json`, for programs.
   * @throws UsageError, or an error of `parseArgs`, when it was called wrongly
   * @throws Error whose message says what is wrong and what to do
   */
  run(args: string[], cli: Cli): Promise<ExitCode>;
}

/** A verb was called wrongly. */
export class UsageError extends Error {
  override name = 'UsageError';
}

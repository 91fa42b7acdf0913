import pLimit from 'p-limit';
import { describeError, type Log } from '../base/log.ts';
import { missingMount, type mountTables } from '../base/missing-mount.ts';
import type { PartHealth } from '../base/part-health.ts';
import {
  fullName,
  FunctionNotFoundError,
  type Environment,
  type FullName,
  type FunctionFromFile,
  type Provider,
} from '../provider/index.ts';
import { FolderWatch } from './folder-watch.ts';
import { planFolder, type StackPlan, type WantedFunction } from './plan-stack.ts';
import type { StackFile } from './read-stack.ts';
import { signatureOf, stackFiles } from './stack-files.ts';

export interface FunctionsFolderOptions {
  /** Undefined where there is to be none: then what came from one is removed. */
  folder: string | undefined;
  provider: Provider;
  defaultNamespace: string;
  /** Variables for `${NAME}` in the files. */
  env: Environment;
  log: Log;
  /** What tests want shorter. */
  timing?: Partial<typeof defaultTiming>;
  /** What tests want elsewhere. */
  mountTables?: typeof mountTables;
}

const defaultTiming = { quietMs: 1000, lookMs: 10_000, retryMs: 10_000, longestRetryMs: 60_000 };

const atOnce = 4;

/**
 * Keeps functions as the stack files of a folder say. A file that is broken, and a function that two files name, keep what was
 * before; what fails is tried again.
 */
export class FunctionsFolder {
  readonly #options: FunctionsFolderOptions;
  readonly #timing: typeof defaultTiming;
  readonly #watch: FolderWatch;
  #problems: string[] = [];
  /** Versions that were stored and then failed: as with a PUT, they are not tried again until the file changes. */
  readonly #failed = new Map<FullName, { digest: string; problem: string }>();
  #environmentFiles: string[] = [];
  #said = new Set<string>();

  constructor(options: FunctionsFolderOptions) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    const signature = async () => {
      const files = options.folder === undefined ? [] : await stackFiles(options.folder).catch(() => undefined);
      return files === undefined ? 'none' : signatureOf([...files, ...this.#environmentFiles]);
    };
    this.#watch = new FolderWatch({ folder: options.folder ?? '', signature, ...this.#timing });
  }

  /** How the folder is, for log and metrics. */
  get parts(): PartHealth[] {
    const problem = [...this.#problems, ...[...this.#failed.values()].map((failed) => failed.problem)].join('; ');
    return [{ name: 'functions_dir', healthy: !problem, ...(problem && { problem }) }];
  }

  /** Tries at once what could not be done before, as what was missing may be there now. */
  retrySoon(): void {
    this.#watch.hurry();
  }

  /** Applies the folder now and whenever it changes, until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { retryMs: firstMs, longestRetryMs } = this.#timing;
    if (!this.#options.provider.fromFiles) return;
    for (let retryMs = firstMs; !signal.aborted;) {
      const signature = await this.#watch.settled(signal);
      if (signal.aborted) return;
      const isDone = await this.#pass(signal);
      const isChanged = await this.#watch.changed(signature, { signal, ...(!isDone && { retryMs }) });
      retryMs = isChanged ? firstMs : Math.min(retryMs * 2, longestRetryMs);
    }
  }

  /** @returns false where something is to be tried again though no file changes */
  async #pass(signal: AbortSignal): Promise<boolean> {
    try {
      const known = await this.#known();
      const files = await this.#read(known);
      const plan = planFolder(files, known);
      this.#warnOnce(files.flatMap(({ warnings }) => warnings));
      const undone = await this.#carryOut(plan, known, signal);
      this.#say([...plan.problems, ...undone]);
      return undone.length === 0;
    } catch (error) {
      this.#say([describeError(error)]);
      return false;
    }
  }

  async #known(): Promise<FunctionFromFile[]> {
    return (await this.#options.provider.fromFiles?.()) ?? [];
  }

  /** @throws Error where the folder or its disk is not there though functions came from it, or cannot be read */
  async #read(known: FunctionFromFile[]): Promise<StackFile[]> {
    const { folder, env, defaultNamespace } = this.#options;
    if (folder === undefined) return [];
    const paths = await stackFiles(folder);
    const kept = known.filter(({ file }) => file.digest !== undefined).length;
    const missing = kept > 0 ? await missingMount(folder, this.#options.mountTables) : undefined;
    if (missing !== undefined)
      throw new Error(`${missing} is not mounted, so the ${kept} functions of ${folder} stay: mount ${missing}`);
    if (!paths && kept > 0) {
      // It may be on a disk that is not mounted yet.
      throw new Error(`${folder} is not there: make it, empty to have its ${kept} functions removed`);
    }
    if (!paths || paths.length === 0) return [];
    // Whoever has no such files does without the memory that it takes to read them.
    const { readStack } = await import('./read-stack.ts');
    const files: StackFile[] = [];
    for (const path of paths) files.push(await readStack(path, { env, defaultNamespace }));
    this.#environmentFiles = files.flatMap(({ environmentFiles }) => environmentFiles);
    return files;
  }

  /** @returns what is to be tried again */
  async #carryOut(plan: StackPlan, known: FunctionFromFile[], signal: AbortSignal): Promise<string[]> {
    const limit = pLimit(atOnce);
    const act = (work: () => Promise<string | undefined>) => limit(async () => (signal.aborted ? undefined : work()));
    this.#forgetFailed(plan);
    const names = new Set(known.map(fullName));
    const applied = await Promise.all(plan.apply.map((fn) => act(() => this.#apply(fn, names))));
    const pruned = await Promise.all(plan.prune.map((fn) => act(() => this.#prune(fn))));
    return [...applied, ...pruned].filter((problem) => problem !== undefined);
  }

  #forgetFailed({ wanted }: StackPlan): void {
    const digests = new Map(wanted.map(({ deployment, from }) => [fullName(deployment), from.digest]));
    for (const [key, { digest }] of this.#failed) if (digests.get(key) !== digest) this.#failed.delete(key);
  }

  /** @returns why it is to be tried again, if it is */
  async #apply({ deployment, from, line }: WantedFunction, known: Set<FullName>): Promise<string | undefined> {
    const { provider, log } = this.#options;
    const key = fullName(deployment);
    let wasThere = true;
    try {
      await provider.update(deployment, { file: from }).catch((error: unknown) => {
        if (!(error instanceof FunctionNotFoundError)) throw error;
        wasThere = false;
        return provider.deploy(deployment, { file: from });
      });
    } catch (error) {
      const problem = `${from.path}:${line}: function ${key}: ${describeError(error)}`;
      const isStored = (await this.#known().catch(() => [])).some(
        (fn) => fullName(fn) === key && fn.file.digest === from.digest,
      );
      if (!isStored) return problem;
      this.#failed.set(key, { digest: from.digest, problem });
      log.warn(problem);
      return undefined;
    }
    const isAdopted = wasThere && !known.has(key);
    const what = isAdopted
      ? 'function was there, and is kept by its file from now on'
      : 'function is asked for by its file';
    log.info(what, { function: key, file: from.path });
    return undefined;
  }

  /** @returns why it is to be tried again, if it is */
  async #prune(fn: FunctionFromFile): Promise<string | undefined> {
    const { provider, log } = this.#options;
    try {
      await provider.remove({ name: fn.name, namespace: fn.namespace });
      log.info('function removed, as its file names it no more', { function: fullName(fn), file: fn.file.path });
    } catch (error) {
      if (!(error instanceof FunctionNotFoundError)) return `function ${fullName(fn)}: ${describeError(error)}`;
    }
    return undefined;
  }

  #say(problems: string[]): void {
    const { log } = this.#options;
    for (const problem of problems.filter((each) => !this.#problems.includes(each))) log.warn(problem);
    if (problems.length === 0 && this.#problems.length > 0) log.info('functions_dir is well again');
    this.#problems = problems;
  }

  #warnOnce(warnings: string[]): void {
    for (const warning of warnings.filter((each) => !this.#said.has(each))) this.#options.log.warn(warning);
    this.#said = new Set(warnings);
  }
}

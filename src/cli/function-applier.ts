import pLimit from 'p-limit';
import type { FunctionName, FunctionStatus } from '../provider/index.ts';
import type { ApplyStep } from '../stack/index.ts';
import { ApiError, type ApiClient } from './api-client.ts';

const atOnce = 4;

/** What became of one function. */
export interface Applied extends Omit<ApplyStep, 'wanted'> {
  /** File and line that say it is wanted. */
  from?: string;
  /** Why it did not come to that. */
  error?: string;
}

/** Brings functions to what an apply wants, by the API of the daemon. */
export class FunctionApplier {
  readonly #api: ApiClient;
  readonly #signal: AbortSignal;

  constructor(api: ApiClient, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  async namespaces(): Promise<string[]> {
    return (await this.#ask('/system/namespaces')) as string[];
  }

  /** Lists the functions of these namespaces, without their files. */
  async present(namespaces: string[]): Promise<FunctionStatus[]> {
    const lists = namespaces.map((name) => this.#ask(`/system/functions?namespace=${name}`));
    return ((await Promise.all(lists)) as FunctionStatus[][]).flat();
  }

  /** Returns the functions with the file that each comes from, without those that are gone meanwhile. */
  async withFiles(functions: FunctionStatus[]): Promise<FunctionStatus[]> {
    const limit = pLimit(atOnce);
    return Promise.all(
      functions.map((status) =>
        limit(async () => {
          const found = await this.#factsOf(status);
          return found ? { ...status, berth: found.berth } : [];
        }),
      ),
    ).then((found) => found.flat());
  }

  /** @returns undefined where there is no such function */
  async #factsOf(fn: FunctionName): Promise<FunctionStatus | undefined> {
    return (await this.#ask(pathOf(fn)).catch(unless(404))) as FunctionStatus | undefined;
  }

  /** Takes the steps, some at a time; what fails of them keeps no other from being taken. */
  async take(steps: ApplyStep[], onDone: (applied: Applied) => void): Promise<void> {
    const limit = pLimit(atOnce);
    const take = async (step: ApplyStep) => {
      const error = await this.#take(step).then(
        () => undefined,
        (failure: unknown) => (failure as Error).message,
      );
      onDone({ ...appliedOf(step), ...(error !== undefined && { error }) });
    };
    await Promise.all(steps.map((step) => limit(() => take(step))));
  }

  #take(step: ApplyStep): Promise<unknown> {
    const { action, name: functionName, namespace, wanted } = step;
    if (action === 'pruned') {
      return this.#ask('/system/functions', 'DELETE', { functionName, namespace }).catch(unless(404));
    }
    if (!wanted) return Promise.resolve();
    return action === 'unchanged' ? this.#mark(step) : this.#put(step);
  }

  /** Has the function know its file, for the prune of another time; nothing starts anew for that. */
  async #mark(step: ApplyStep): Promise<void> {
    const found = await this.#factsOf(step);
    if (found?.berth?.file === step.wanted?.file) return;
    // A function that is kept by functions_dir is that folder's, and as it should be.
    await this.#put(step).catch(unless(409));
  }

  async #put({ wanted }: ApplyStep): Promise<void> {
    if (!wanted) return;
    const { name: service, ...deployment } = wanted.deployment;
    const body = { service, ...deployment, berth: { file: wanted.file } };
    try {
      await this.#ask('/system/functions', 'PUT', body);
    } catch (error) {
      // With mode=provider a PUT creates nothing.
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      await this.#ask('/system/functions', 'POST', body);
    }
  }

  #ask(path: string, method = 'GET', body?: unknown): Promise<unknown> {
    return this.#api.json(path, { method, body, signal: this.#signal });
  }
}

/** Returns what a step comes to, where it is taken. */
export function appliedOf({ action, name, namespace, wanted }: ApplyStep): Applied {
  return { action, name, namespace, ...(wanted && { from: `${wanted.file}:${wanted.line}` }) };
}

function pathOf({ name, namespace }: FunctionName): string {
  return `/system/function/${name}?namespace=${namespace}`;
}

function unless(status: number): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof ApiError) || error.status !== status) throw error;
  };
}

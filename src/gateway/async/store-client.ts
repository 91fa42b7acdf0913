import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CallStore } from './call-store.ts';
import { StoreError } from './queue-errors.ts';
import type { StoreAnswer, StoreAnswers, StoreAsk, StoreThreadData, StoreVerb } from './store-thread.ts';

interface Asked {
  ask: StoreAsk;
  settle: (answer: StoreAnswer) => void;
}

/** The most that one transaction does: nobody is to wait long for others. */
const mostTogether = 1000;

/** Asks the store in its thread, which is started by the first question. What comes while it writes is written together next. */
export class StoreClient {
  readonly #data: StoreThreadData;
  /** Told of each transaction before what was asked in it is answered. */
  readonly #onAnswers: (answers: StoreAnswers) => void;
  #thread?: Worker;
  #waiting: Asked[] = [];
  #underWay: Asked[] = [];
  #isClosed = false;

  constructor(data: StoreThreadData, onAnswers: (answers: StoreAnswers) => void) {
    this.#data = data;
    this.#onAnswers = onAnswers;
  }

  /** @throws StoreError when the store cannot do it */
  async ask<V extends StoreVerb>(verb: V, ...values: Parameters<CallStore[V]>): Promise<ReturnType<CallStore[V]>> {
    if (this.#isClosed) throw new StoreError({ message: 'the store is closed', isFull: false });
    const { promise, resolve } = Promise.withResolvers<StoreAnswer>();
    this.#waiting.push({ ask: [verb, values], settle: resolve });
    this.#send();
    const answer = await promise;
    if ('fault' in answer) throw new StoreError(answer.fault);
    return answer.value as ReturnType<CallStore[V]>;
  }

  /** Ends the thread once all that was asked is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const thread = this.#thread;
    if (!thread) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    thread.once('exit', () => resolve());
    this.#send();
    await promise;
  }

  #send(): void {
    if (this.#underWay.length > 0) return;
    if (this.#waiting.length === 0) {
      if (this.#isClosed) this.#thread?.postMessage('close');
      return;
    }
    this.#underWay = this.#waiting.splice(0, mostTogether);
    this.#thread ??= this.#start();
    this.#thread.postMessage(this.#underWay.map(({ ask }) => ask));
  }

  #start(): Worker {
    // Compiled, this file and that of the thread end in .js. Its type above is what tells the build that it is needed.
    const file = new URL(`./store-thread${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(file, { workerData: this.#data, name: 'async-store' });
    let failure = 'it ended';
    thread.on('message', (answers: StoreAnswers) => this.#answered(answers));
    thread.on('error', (error: Error) => (failure = error.message));
    thread.once('exit', () => this.#ended(failure));
    return thread;
  }

  #answered(answers: StoreAnswers): void {
    const asked = this.#underWay;
    this.#underWay = [];
    this.#onAnswers(answers);
    for (const [index, { settle }] of asked.entries()) settle(answers.answers[index] as StoreAnswer);
    this.#send();
  }

  #ended(failure: string): void {
    const asked = [...this.#underWay, ...this.#waiting];
    this.#thread = undefined;
    this.#underWay = [];
    this.#waiting = [];
    for (const { settle } of asked)
      settle({ fault: { message: `the thread of the store ended: ${failure}`, isFull: false } });
  }
}

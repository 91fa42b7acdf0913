import { parentPort, workerData } from 'node:worker_threads';
import { CallStore, type StoredLane } from './call-store.ts';
import { faultOf, setAside } from './store-schema.ts';

/** What this thread does for the one that started it: methods of CallStore, each in a transaction with those sent with it. */
export type StoreVerb =
  'add' | 'take' | 'retry' | 'finish' | 'cancel' | 'replay' | 'get' | 'list' | 'recover' | 'forget';
const queueing = new Set<StoreVerb>(['add', 'retry', 'finish', 'replay', 'recover']);

export type StoreAsk = [verb: StoreVerb, values: unknown[]];

/** What an error was, as errors lose all but their message on the way. */
export interface StoreFault {
  message: string;
  isFull: boolean;
}

export type StoreAnswer = { value: unknown } | { fault: StoreFault };

export interface StoreAnswers {
  answers: StoreAnswer[];
  /** Lanes that have changed; all that there are, when `all` is set. */
  lanes: StoredLane[];
  all: boolean;
  /** Calls may have come to wait. */
  hasWaiting: boolean;
  /** Where a damaged store was put, and what it was. */
  aside?: { path: string; fault: string };
}

export interface StoreThreadData {
  dir: string;
  owner: string;
}

const { dir, owner } = workerData as StoreThreadData;
let store: CallStore | undefined;

parentPort?.on('message', (asks: StoreAsk[] | 'close') => {
  if (asks !== 'close') return parentPort?.postMessage(answer(asks));
  close();
  parentPort?.close();
});

function answer(asks: StoreAsk[]): StoreAnswers {
  try {
    return answerFrom(asks);
  } catch (error) {
    if (faultOf(error) !== 'damaged') return refusal(asks, error);
    const fault = String(error);
    try {
      close();
      const path = setAside(dir);
      return { ...answerFrom(asks), all: true, aside: { path, fault } };
    } catch (second) {
      return refusal(asks, second);
    }
  }
}

function answerFrom(asks: StoreAsk[]): StoreAnswers {
  store ??= new CallStore(dir, owner);
  const answers = together(store, asks);
  const changed = store.changedLanes();
  // No number tells what has come while as many were taken, so it goes by what was asked.
  const mayQueue = changed.all || asks.some(([verb]) => queueing.has(verb));
  return { answers, ...changed, hasWaiting: mayQueue && changed.lanes.some(({ calls }) => calls.queued) };
}

/** Does all in one transaction; where that fails each in its own, so that none fails for another. */
function together(calls: CallStore, asks: StoreAsk[]): StoreAnswer[] {
  try {
    return calls.transaction(() => asks.map((ask) => ({ value: done(calls, ask) })));
  } catch (error) {
    if (faultOf(error) === 'damaged') throw error;
    if (asks.length === 1) return [{ fault: faultFrom(error) }];
    return asks.flatMap((ask) => together(calls, [ask]));
  }
}

function done(calls: CallStore, [verb, values]: StoreAsk): unknown {
  return (calls[verb] as (...values: unknown[]) => unknown).apply(calls, values);
}

function refusal(asks: StoreAsk[], error: unknown): StoreAnswers {
  return { answers: asks.map(() => ({ fault: faultFrom(error) })), lanes: [], all: false, hasWaiting: false };
}

function faultFrom(error: unknown): StoreFault {
  return { message: error instanceof Error ? error.message : String(error), isFull: faultOf(error) === 'full' };
}

function close(): void {
  try {
    store?.close();
  } catch {
    // Nothing is left to be written; a damaged one may not let go in order.
  }
  store = undefined;
}

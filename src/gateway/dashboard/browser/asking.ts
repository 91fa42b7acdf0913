import { isUnreachable, messageOf, mostSilentMs } from './api.ts';
import { lookProblem } from './live.ts';
import { useEffect, useRef, useState } from './preact.js';

export interface Loaded<T> {
  /** What was answered last. */
  value?: T;
  /** Why there is nothing newer. */
  problem: string;
  again: () => void;
}

/** How long after one that berth did not hear the same is asked again: a phone goes from one network to the other. */
const unheardMs = 2000;

/**
 * Asks when what is asked for changes, and anew each so many milliseconds while somebody looks.
 * @param keys what is asked for
 */
export function useLoaded<T>(ask: (signal: AbortSignal) => Promise<T>, keys: unknown[], everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ value?: T; problem: string }>({ problem: '' });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let timer = 0;
    const look = async () => {
      let againMs = everyMs;
      try {
        if (everyMs === 0 || !document.hidden) setState({ value: await ask(inTime(signal)), problem: '' });
      } catch (error) {
        if (signal.aborted) return;
        setState(({ value }) => ({ value, problem: lookProblem(error) }));
        if (isUnreachable(error)) againMs ||= unheardMs;
      }
      if (againMs > 0 && !signal.aborted) timer = window.setTimeout(() => void look(), againMs);
    };
    void look();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [...keys, everyMs, round]);
  return { ...state, again: () => setRound((count) => count + 1) };
}

/** Gives up what is not answered: a connection may be gone without a word. */
function inTime(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(mostSilentMs)]);
}

/**
 * Something that a person has done, and what went wrong. One thing at a time: what is asked for meanwhile is not done. Buttons are
 * to be told by `aria-disabled`, as those that are disabled lose the focus.
 */
export function useAction() {
  const isBusy = useRef(false);
  const [isActing, setActing] = useState(false);
  const [failure, setFailure] = useState<unknown>(undefined);
  const act = async (work: () => Promise<unknown>) => {
    if (isBusy.current) return;
    isBusy.current = true;
    setActing(true);
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      setFailure(error);
    } finally {
      isBusy.current = false;
      setActing(false);
    }
  };
  return { isActing, failure, problem: failure === undefined ? '' : messageOf(failure), act };
}

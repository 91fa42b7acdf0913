import type { FunctionRow, FunctionsChange, HostView, PullView } from '../wire.ts';
import { isUnreachable, messageOf } from './api.ts';
import type { ServerEvent } from './event-reader.ts';
import { followEvents, type FollowedEvents } from './following.ts';
import { useEffect, useState } from './preact.js';

/** What berth tells of its functions and its host as it changes, over one stream that all pages share. */
export class Live {
  readonly functions = new Map<string, FunctionRow>();
  host?: HostView;
  pulls: PullView[] = [];
  /** Streams that were lost, and are not there again yet. */
  readonly #lost = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #isToldSoon = false;
  #changes = 0;

  /** Whether something that is shown is of before. */
  get isLost(): boolean {
    return this.#lost.size > 0;
  }

  /** How often something has changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Follows until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.follow({ path: '/system/overview', onEvent: (event) => this.#take(event), signal });
  }

  /** Follows an event stream, of each path one; while it is lost the page says so. */
  async follow(stream: Omit<FollowedEvents, 'onLost'>): Promise<void> {
    const { path } = stream;
    const found = () => {
      if (this.#lost.delete(path)) this.#tell();
    };
    const onOpen = () => {
      found();
      stream.onOpen?.();
    };
    const onLost = () => {
      this.#lost.add(path);
      this.#tell();
    };
    await followEvents({ ...stream, onOpen, onLost });
    found();
  }

  /** @returns a function that ends it */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Returns the row of a function, where it is known. */
  row(namespace: string, name: string): FunctionRow | undefined {
    return this.functions.get(`${name}.${namespace}`);
  }

  /** Whether the back end has an optional verb. */
  can(verb: string): boolean {
    return this.host?.can.includes(verb) ?? false;
  }

  #take({ name, data }: ServerEvent): void {
    if (name === 'functions') this.#takeFunctions(JSON.parse(data) as FunctionsChange);
    if (name === 'host') this.host = JSON.parse(data) as HostView;
    if (name === 'pulls') this.pulls = JSON.parse(data) as PullView[];
    this.#tell();
  }

  #takeFunctions({ whole, functions, gone }: FunctionsChange): void {
    if (whole) this.functions.clear();
    for (const row of functions) this.functions.set(`${row.name}.${row.namespace}`, row);
    for (const { name, namespace } of gone) this.functions.delete(`${name}.${namespace}`);
  }

  /** Once a frame, however much comes. */
  #tell(): void {
    this.#changes += 1;
    if (this.#isToldSoon) return;
    this.#isToldSoon = true;
    requestAnimationFrame(() => {
      this.#isToldSoon = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

export const live = new Live();

/** Returns what a look that failed says: nothing where the whole page says already that the connection is lost. */
export function lookProblem(error: unknown): string {
  return live.isLost && isUnreachable(error) ? '' : messageOf(error);
}

/** Draws the component anew when something has changed, and returns what there is. */
export function useLive(): Live {
  const [, redrawAt] = useState(live.changes);
  useEffect(() => {
    const redraw = () => redrawAt(live.changes);
    // Something may have changed between the drawing and this.
    redraw();
    return live.listen(redraw);
  }, []);
  return live;
}

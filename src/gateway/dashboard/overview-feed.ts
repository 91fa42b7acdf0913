import { describeError, type Log } from '../../base/log.ts';
import type { Provider } from '../../provider/index.ts';
import type { UsageSamples } from '../metrics/usage-samples.ts';
import type { FunctionRows } from './function-rows.ts';
import type { FunctionsChange, HostView, Overview, PullView } from './wire.ts';

/** One event of the overview, as the stream names it. */
export type OverviewEvent =
  { name: 'functions'; data: FunctionsChange } | { name: 'host'; data: HostView } | { name: 'pulls'; data: PullView[] };

export interface OverviewFeedOptions {
  provider: Provider;
  rows: FunctionRows;
  usage: UsageSamples;
  host: () => Promise<HostView>;
  log: Log;
}

const tickMs = 500;
/** How many ticks there are between two looks. */
const looks = { functions: 4, host: 20 };

/** Tells all open pages what has changed. One timer is for all of them, and there is none while no page is open. */
export class OverviewFeed {
  readonly #options: OverviewFeedOptions;
  readonly #pages = new Set<(event: OverviewEvent) => void>();
  #timer?: NodeJS.Timeout;
  #stopWatching?: () => void;
  #ticks = 0;
  #isTicking = false;
  #looking?: Promise<void>;
  #host?: HostView;
  #hostText = '';
  #pulls: PullView[] = [];
  #pullsText = '[]';

  constructor(options: OverviewFeedOptions) {
    this.#options = options;
  }

  /** Returns all that there is now. */
  async read(): Promise<Overview> {
    await Promise.all([this.#look(), this.#readPulls()]);
    const host = await this.#readHost();
    return { functions: this.#options.rows.all, host, pulls: this.#pulls };
  }

  /** Tells a page all that there is, and then what changes, until the signal aborts. */
  async follow(page: (event: OverviewEvent) => void, signal: AbortSignal): Promise<void> {
    const { host } = await this.read();
    if (signal.aborted) return;
    // Read in the same turn as the page is added, so that no change falls between.
    page({ name: 'functions', data: { whole: true, functions: this.#options.rows.all, gone: [] } });
    page({ name: 'host', data: this.#host ?? host });
    if (this.#pulls.length > 0) page({ name: 'pulls', data: this.#pulls });
    this.#pages.add(page);
    signal.addEventListener('abort', () => this.#leave(page), { once: true });
    this.#stopWatching ??= this.#options.usage.watch();
    this.#timer ??= setInterval(() => void this.#tick(), tickMs).unref();
  }

  #leave(page: (event: OverviewEvent) => void): void {
    this.#pages.delete(page);
    if (this.#pages.size > 0) return;
    clearInterval(this.#timer);
    this.#stopWatching?.();
    this.#timer = this.#stopWatching = undefined;
  }

  async #tick(): Promise<void> {
    // What is slow has fewer ticks, and never two at once.
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#ticks += 1;
    try {
      await this.#readPulls();
      if (this.#ticks % looks.functions === 0) await this.#look();
      if (this.#ticks % looks.host === 0) await this.#readHost();
    } catch (error) {
      this.#options.log.debug('open pages stay as they were for a moment', { error: describeError(error) });
    }
    this.#isTicking = false;
  }

  #tell(event: OverviewEvent): void {
    for (const page of this.#pages) page(event);
  }

  /** A page that comes while all are looked at waits for that look. */
  #look(): Promise<void> {
    return (this.#looking ??= this.#lookAnew().finally(() => (this.#looking = undefined)));
  }

  async #lookAnew(): Promise<void> {
    const { functions, gone } = await this.#options.rows.look();
    if (functions.length + gone.length > 0) this.#tell({ name: 'functions', data: { whole: false, functions, gone } });
  }

  async #readHost(): Promise<HostView> {
    const host = await this.#options.host();
    const text = JSON.stringify(host);
    if (text === this.#hostText && this.#host) return this.#host;
    this.#host = host;
    this.#hostText = text;
    this.#tell({ name: 'host', data: host });
    return host;
  }

  async #readPulls(): Promise<void> {
    const pulls = (await this.#options.provider.pulls?.()) ?? [];
    const text = JSON.stringify(pulls);
    if (text === this.#pullsText) return;
    this.#pulls = pulls;
    this.#pullsText = text;
    this.#tell({ name: 'pulls', data: pulls });
  }
}

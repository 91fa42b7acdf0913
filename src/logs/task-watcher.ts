import { watch, type FSWatcher } from 'node:fs';
import type { Log } from '../base/log.ts';

/** How often all files are looked at: beside notifications, and faster where there are none. */
const backstopMs = 10_000;
const pollMs = 250;

export interface TaskWatcherOptions {
  folder: string;
  /** Is told that this file has changed. */
  onChange: (fileName: string) => void;
  /** Is told that any of the files may have changed. */
  onTick: () => void;
  log: Log;
}

/** Watches a folder and tells when a file in it changes: one inotify watch for all files, and polling in case it fails. */
export class TaskWatcher {
  readonly #options: TaskWatcherOptions;
  #watcher?: FSWatcher;
  #timer?: NodeJS.Timeout;

  constructor(options: TaskWatcherOptions) {
    this.#options = options;
  }

  /** Watches the folder that is there now, also when it was made anew. */
  start(): void {
    const { folder, onChange } = this.#options;
    this.#tickEvery(backstopMs);
    this.#watcher?.close();
    try {
      this.#watcher = watch(folder, { persistent: false }, (_event, fileName) => {
        if (fileName !== null) onChange(fileName);
      });
      this.#watcher.on('error', (error) => this.#poll(error));
    } catch (error) {
      this.#poll(error);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  #poll(error: unknown): void {
    const advice = 'raise fs.inotify.max_user_instances and max_user_watches';
    this.#options.log.warn(`cannot watch log files, looking at them every ${pollMs} ms instead: ${advice}`, { error });
    this.#tickEvery(pollMs);
  }

  #tickEvery(ms: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(this.#options.onTick, ms).unref();
  }
}

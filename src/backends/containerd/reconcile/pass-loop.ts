import { monotonicMs } from '../../../base/monotonic.ts';
import { isUnavailable } from '../../../containerd/index.ts';

const firstRetryMs = 500;
const longestRetryMs = 30_000;

export interface PassLoopOptions {
  pass: () => Promise<void>;
  /** Told of a pass that was rejected, unless as containerd is away; another one follows. */
  onError: (error: unknown) => void;
}

/**
 * Runs passes one at a time: on a wake at once, or after the pass that is under way. One that failed is followed by another
 * after a growing pause; while containerd is away they wait to be woken, as everything is when it comes back.
 */
export class PassLoop {
  readonly #pass: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #isRunning = false;
  #isAwake = false;
  #isEnded = false;
  #hasTried = false;
  #retryMs = firstRetryMs;
  #passBeganMs = Infinity;
  #timer?: NodeJS.Timeout;

  constructor({ pass, onError }: PassLoopOptions) {
    this.#pass = pass;
    this.#onError = onError;
  }

  /** Whether another pass is wanted after the one that is under way. */
  get isAwake(): boolean {
    return this.#isAwake;
  }

  /** Whether there was a pass since the start, well or not, with containerd there. */
  get hasTried(): boolean {
    return this.#hasTried;
  }

  /** When the pass that is under way began; Infinity where there is none. */
  get passBeganMs(): number {
    return this.#passBeganMs;
  }

  wake(): void {
    if (this.#isEnded) return;
    this.#isAwake = true;
    if (!this.#isRunning) void this.#run();
  }

  /** Wakes after `delayMs`, unless it is woken before; never, when that is Infinity. */
  wakeIn(delayMs: number): void {
    clearTimeout(this.#timer);
    if (delayMs < Infinity && !this.#isEnded) this.#timer = setTimeout(() => this.wake(), Math.max(0, delayMs));
  }

  /** No further pass begins; the one under way goes on. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    clearTimeout(this.#timer);
    try {
      while (this.#isAwake && !this.#isEnded) {
        this.#isAwake = false;
        this.#passBeganMs = monotonicMs();
        await this.#pass();
        this.#hasTried = true;
        this.#retryMs = firstRetryMs;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isRunning = false;
      this.#passBeganMs = Infinity;
    }
  }

  #failed(error: unknown): void {
    // A wake that came meanwhile may have been the one for its return.
    if (isUnavailable(error)) return void (this.#isAwake && this.wakeIn(firstRetryMs));
    this.#hasTried = true;
    this.#onError(error);
    this.wakeIn(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
  }
}

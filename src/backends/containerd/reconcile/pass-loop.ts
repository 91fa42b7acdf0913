const retryMs = 500;

export interface PassLoopOptions {
  pass: () => Promise<void>;
  /** Told of a pass that was rejected; another one follows soon. */
  onError: (error: unknown) => void;
}

/** Runs passes one at a time: on a wake at once, or after the pass that is under way. */
export class PassLoop {
  readonly #pass: () => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #isRunning = false;
  #isAwake = false;
  #isEnded = false;
  #hasPassed = false;
  #timer?: NodeJS.Timeout;

  constructor({ pass, onError }: PassLoopOptions) {
    this.#pass = pass;
    this.#onError = onError;
  }

  /** Whether another pass is wanted after the one that is under way. */
  get isAwake(): boolean {
    return this.#isAwake;
  }

  /** Whether a pass has gone well since the start. */
  get hasPassed(): boolean {
    return this.#hasPassed;
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
        await this.#pass();
        this.#hasPassed = true;
      }
    } catch (error) {
      this.#onError(error);
      this.wakeIn(retryMs);
    } finally {
      this.#isRunning = false;
    }
  }
}

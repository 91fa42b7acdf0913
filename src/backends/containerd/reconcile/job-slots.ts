export interface JobSlotsOptions {
  /** How many jobs run at once. */
  slots: number;
  /** How long a job may take before another one begins beside it. */
  slowMs: number;
}

interface WaitingJob {
  begin: () => void;
  isUrgent: () => boolean;
}

/**
 * Runs jobs a few at a time: the first in the queue that is urgent by now, else the first. One that takes very long, as the
 * kernel or a disk holds it up, goes on without its slot.
 */
export class JobSlots {
  readonly #slowMs: number;
  readonly #queue: WaitingJob[] = [];
  #free: number;

  constructor({ slots, slowMs }: JobSlotsOptions) {
    this.#free = slots;
    this.#slowMs = slowMs;
  }

  /**
   * Has a job begun as soon as there is a slot.
   * @param job never rejects
   * @param isUrgent is asked whenever a slot is free
   */
  add(job: () => Promise<void>, isUrgent: () => boolean): void {
    this.#queue.push({ begin: () => void this.#run(job), isUrgent });
    this.#next();
  }

  /** Forgets the jobs that have not begun. */
  clear(): void {
    this.#queue.length = 0;
  }

  async #run(job: () => Promise<void>): Promise<void> {
    let hasSlot = true;
    const giveBack = () => {
      if (!hasSlot) return;
      hasSlot = false;
      this.#free += 1;
      this.#next();
    };
    const timer = setTimeout(giveBack, this.#slowMs).unref();
    await job();
    clearTimeout(timer);
    giveBack();
  }

  #next(): void {
    while (this.#free > 0 && this.#queue.length > 0) {
      const urgent = this.#queue.findIndex(({ isUrgent }) => isUrgent());
      const [next] = this.#queue.splice(Math.max(0, urgent), 1);
      this.#free -= 1;
      next?.begin();
    }
  }
}

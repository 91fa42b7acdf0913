import { ContainerdError, isUnavailable } from '../../../containerd/index.ts';
import { functionPort } from '../../../provider/index.ts';
import type { UnpackedImage } from '../images/index.ts';
import { StartError } from '../start-error.ts';
import type { Timing } from '../timing.ts';
import { faultOwner } from '../to-provider-error.ts';
import { BackOff, shortestRetryMs } from './back-off.ts';
import type { DesiredGeneration } from './decide.ts';
import type { ReplicaExit } from './replica-exit.ts';

const mostToldCauses = 20;

/** What is known of one generation's image and start. It has no clock: `nowMs` is milliseconds of the monotonic one. */
export class GenerationState {
  readonly #id: string;
  readonly #startMs: number;
  readonly #backOff: BackOff;
  /** Counts replicas that were condemned, which starts in between do not make good. */
  readonly #condemned: BackOff;
  #restarts = 0;
  #lastExit?: ReplicaExit;
  #image?: UnpackedImage;
  #isPulling = false;
  #failure?: Error;
  #retryAtMs = 0;
  #startUntilMs?: number;
  #tookOverMs?: number;
  /** Why its starts failed, as far as it was told since a replica was ready. */
  readonly #toldCauses = new Set<string>();

  constructor(id: string, timing: Timing) {
    this.#id = id;
    this.#startMs = timing.startMs;
    this.#backOff = new BackOff(timing);
    this.#condemned = new BackOff(timing);
  }

  /** Its image, once it is unpacked. */
  get image(): UnpackedImage | undefined {
    return this.#image;
  }

  /** Why it cannot run: its image cannot be had, a step of its start failed, or it was not ready in time. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * A pull of its image is to begin.
   * @returns false when one is under way
   */
  beginPull(): boolean {
    if (this.#isPulling) return false;
    return (this.#isPulling = true);
  }

  pulled(image: UnpackedImage): void {
    this.#image = image;
  }

  /** Its image is not as it was unpacked any more. */
  imageGone(): void {
    this.#image = undefined;
  }

  /** Its pull has ended, well or not. */
  pullEnded(): void {
    this.#isPulling = false;
  }

  /**
   * Says when it took over, on the monotonic clock.
   * @param agoMs how long ago that was by the wall clock: counts only when it is asked for the first time
   */
  tookOverMs(nowMs: number, agoMs: number): number {
    return (this.#tookOverMs ??= nowMs - Math.max(0, agoMs));
  }

  /** A replica of it has been started. */
  started(): void {
    this.#backOff.succeeded();
  }

  /** A pull or a step of a replica's start failed: a candidate is dropped, the current generation tried again later. */
  failed(error: unknown, nowMs: number): void {
    // While containerd is away nobody's version is at fault.
    if (isUnavailable(error)) return;
    const retryMs = this.#backOff.failed(shortestRetryMs);
    // Nor need it be the first time that containerd refuses: what a crash left may be in the way of this one replica.
    if (error instanceof ContainerdError && this.#backOff.failures === 1) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#retryAtMs = nowMs + retryMs;
  }

  /**
   * A replica of it was condemned. The next one waits as a replica does after a crash.
   * @param ranLong whether its process had run for so long that what was before does not count
   */
  condemned(reason: string, ranLong: boolean, nowMs: number): void {
    if (ranLong) this.#condemned.succeeded();
    const restartInMs = this.#condemned.failed(shortestRetryMs);
    this.#failure = new StartError('exited', reason);
    this.#retryAtMs = nowMs + restartInMs;
    this.#restarts += 1;
    this.#lastExit = { reason, at: new Date(), atMs: nowMs, restartInMs, wasReady: true };
  }

  /**
   * Says whether a start that failed is to be told: not for a cause that was told since a replica was ready. Numbers and ids in
   * it are of the try.
   */
  isNewCause(reason: string): boolean {
    const cause = reason.replaceAll(/[0-9a-f]{12,}|\d+/g, '#');
    if (this.#toldCauses.has(cause) || this.#toldCauses.size >= mostToldCauses) return false;
    this.#toldCauses.add(cause);
    return true;
  }

  /** A replica of it has become ready. */
  becameReady(): void {
    this.#toldCauses.clear();
  }

  /** How many of its replicas were replaced as condemned. */
  get restarts(): number {
    return this.#restarts;
  }

  /** How the last of those ended. */
  get lastExit(): ReplicaExit | undefined {
    return this.#lastExit;
  }

  /** Returns until when a version that cannot run is not tried again; undefined when it is not known to fail. */
  failedUntilMs(nowMs: number): number | undefined {
    return this.#failure && this.#retryAtMs > nowMs ? this.#retryAtMs : undefined;
  }

  /** The disks have room again: what failed for want of it is tried at once. */
  roomAgain(): void {
    if (!this.#failure || faultOwner(this.#failure) !== 'disk') return;
    this.#backOff.succeeded();
    this.#retryAtMs = 0;
  }

  /** Forgets the failure of a current generation once its back-off has passed. */
  retry(nowMs: number): void {
    if (this.#retryAtMs <= nowMs) this.#failure = undefined;
  }

  /**
   * A candidate whose image is there has a time to become ready.
   * @param allowedMs what its own probes allow, which counts where it is more than the setting
   */
  expectReady(nowMs: number, allowedMs = 0): void {
    if (!this.#image) return;
    const startMs = Math.max(this.#startMs, allowedMs);
    this.#startUntilMs ??= nowMs + startMs;
    if (this.#startUntilMs > nowMs) return;
    const message = `it was not ready within ${Math.round(startMs / 1000)} s: does it listen on port ${functionPort}?`;
    this.#failure ??= new StartError('not-ready', message);
  }

  /** Returns the next moment at which time alone changes what is to be done, or Infinity. */
  nextDeadlineMs(nowMs: number): number {
    const deadlines = [this.#failure ? this.#retryAtMs : 0, this.#startUntilMs ?? 0];
    return Math.min(...deadlines.filter((atMs) => atMs > nowMs));
  }

  /** Returns what the decision reads. */
  view(): DesiredGeneration {
    return { id: this.#id, imageReady: this.#image !== undefined, failed: this.#failure !== undefined };
  }
}

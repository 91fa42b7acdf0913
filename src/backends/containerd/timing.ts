/** Numbers that tests set near zero; the defaults are for production. Milliseconds. */
export interface Timing {
  /** How long deploy and update wait for the outcome before they answer 202. */
  answerMs: number;
  /** A candidate that is not ready by then is dropped. */
  startMs: number;
  /** How long calls in flight may go on after their replica left the routes, unless the function says otherwise. */
  drainMs: number;
  /** Between SIGTERM and SIGKILL of a drained replica. */
  graceMs: number;
  /** First back-off after a second crash in a row; doubles each time. */
  restartBaseMs: number;
  restartMaxMs: number;
  /** A replica that ran this long has its back-off reset. */
  stableMs: number;
  /** Everything is compared again after this, in case an event was missed. */
  resyncMs: number;
}

export const defaultTiming: Timing = {
  answerMs: 20_000,
  startMs: 120_000,
  drainMs: 30_000,
  graceMs: 2000,
  restartBaseMs: 1000,
  restartMaxMs: 60_000,
  stableMs: 60_000,
  resyncMs: 30_000,
};

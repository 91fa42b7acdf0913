/** Times that tests set near zero, in milliseconds. */
export interface Timing {
  /** How long deploy and update wait for the outcome before they answer 202. */
  answerMs: number;
  /** How long a candidate may take to be ready before it is dropped. */
  startMs: number;
  /** How long calls in flight may go on after their replica left the routes, unless the function says otherwise. */
  drainMs: number;
  /** How long a drained replica may take from SIGTERM to its end before SIGKILL. */
  graceMs: number;
  /** How long a replica with calls in flight may answer neither them nor probes, unless the function allows its calls more. */
  hungMs: number;
  /** The back-off after a second crash in a row; it doubles with each further one. */
  restartBaseMs: number;
  restartMaxMs: number;
  /** How long a replica must run for its back-off to be reset. */
  stableMs: number;
  /** How long it takes at most until a function with replicas is compared again, in case an event was missed. */
  resyncMs: number;
}

export const defaultTiming: Timing = {
  answerMs: 20_000,
  startMs: 120_000,
  drainMs: 30_000,
  graceMs: 2000,
  hungMs: 60_000,
  restartBaseMs: 1000,
  restartMaxMs: 60_000,
  stableMs: 60_000,
  resyncMs: 30_000,
};

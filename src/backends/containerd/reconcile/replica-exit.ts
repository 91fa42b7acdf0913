import { capabilitiesAnnotation } from '../../../provider/index.ts';

/** An OOM event this close to an exit explains it. */
export const oomWindowMs = 5000;
/** The exit status of a process that was killed, by the kernel or by somebody. */
export const killed = 128 + 9;

/** The exit status of a process that made a system call in a mode of the processor which its filter does not name. */
const badSystemCall = 128 + 31;
const advice32Bit = '32-bit programs run in images for a 32-bit platform only, such as linux/386 or linux/arm/v7';

/** What a shell exits with when it found a program and could not start it. */
const notExecutable = 126;
const adviceNotExecutable = `its shell may not run a program: its log says which, and one that has capabilities by its file needs them in the annotation ${capabilitiesAnnotation}`;

/** How a replica's process ended. */
export interface ReplicaExit {
  /** In words, for the operator. */
  reason: string;
  /** By the wall clock, to be shown. */
  at: Date;
  /** By the monotonic clock. */
  atMs: number;
  restartInMs: number;
  /** Whether it was ready before; else its start has failed. */
  wasReady: boolean;
}

/** Says in words how a process ended, for the operator. */
export function exitReason(exitStatus: number, isOom: boolean): string {
  if (isOom) return 'its process was killed: out of memory (OOM), raise limits.memory';
  if (exitStatus === badSystemCall) return `its process was ended by signal 31, bad system call: ${advice32Bit}`;
  if (exitStatus > 128) return `its process was ended by signal ${exitStatus - 128}`;
  const advice = exitStatus === notExecutable ? `: ${adviceNotExecutable}` : '';
  return `its process exited with code ${exitStatus}${advice}`;
}

/** Whether it ended for want of memory. */
export function isOutOfMemory({ reason }: ReplicaExit): boolean {
  return reason === exitReason(killed, true);
}

/** Whether an OOM event that is heard now explains an exit: on a busy host it may be told after it. */
export function isLateOom({ reason, atMs }: ReplicaExit, nowMs: number): boolean {
  return reason === exitReason(killed, false) && nowMs - atMs < oomWindowMs;
}

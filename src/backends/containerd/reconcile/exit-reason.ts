import type { ReplicaExit, ReplicaState } from './function-state.ts';

/** An OOM event this close to an exit explains it. */
const oomWindowMs = 5000;
/** The exit status of a process that was killed, by the kernel or by somebody. */
const killed = 128 + 9;

/** Remembers how a replica's process ended, as far as it is known by now. */
export function recordExit(replica: ReplicaState, exitStatus: number, nowMs: number): ReplicaExit {
  const isOom = nowMs - replica.oomAtMs < oomWindowMs;
  replica.lastExit = { reason: exitReason(exitStatus, isOom), at: new Date(nowMs) };
  return replica.lastExit;
}

/** The kernel has killed for want of memory. True when it explains an exit after all: on a busy host it is told late. */
export function recordOutOfMemory(replica: ReplicaState, nowMs: number): boolean {
  const { lastExit } = replica;
  const isLate = lastExit?.reason === exitReason(killed, false) && nowMs - lastExit.at.getTime() < oomWindowMs;
  if (isLate) lastExit.reason = exitReason(killed, true);
  else replica.oomAtMs = nowMs;
  return isLate;
}

function exitReason(exitStatus: number, isOom: boolean): string {
  if (isOom) return 'its process was killed: out of memory (OOM), raise limits.memory';
  if (exitStatus > 128) return `its process was ended by signal ${exitStatus - 128}`;
  return `its process exited with code ${exitStatus}`;
}

/** Replicas of one version that are being made, or whose start failed and that are to go, before more are begun. */
const creationsAtOnce = 4;

/** A version of a function as the decision sees it. */
export interface DesiredGeneration {
  id: string;
  imageReady: boolean;
  /** Its image cannot be had, a step of its start failed, or it was not ready in time. */
  failed: boolean;
}

/** What is wanted of a function, as the decision sees it. */
export interface DesiredFunction {
  current: DesiredGeneration;
  candidate?: DesiredGeneration;
  /** Replicas wanted when awake, at least 1. */
  replicas: number;
  /** Replicas wanted of the candidate before it takes over; as many as of the current one unless given. */
  candidateReplicas?: number;
  asleep: boolean;
  /** Replicas that keep their record, snapshot and network while asleep, so that waking starts only a task. */
  parked: number;
  /** What a parked replica has: no task, or one that is created and only needs its start. */
  parkedTask: 'none' | 'created';
  /** The current generation crashes again and again soon after its promotion, and there is a previous one. */
  rollBack: boolean;
}

/** What is there of a replica, as the decision sees it. */
export interface ObservedReplica {
  id: string;
  generation: string;
  task: 'none' | 'created' | 'running' | 'stopped';
  /** Its container record is there. */
  created: boolean;
  ready: boolean;
  /** It runs but does not do its work: to be replaced. */
  unhealthy: boolean;
  /** It is to be ended at once, whatever calls it has; it is broken as well. */
  condemned: boolean;
  /** Its start failed, or it was condemned: to be replaced by one with an id of its own, as a crash may have spoilt this one's for good. */
  broken: boolean;
  /** Out of the routes for good; its calls in flight are finishing. */
  draining: boolean;
  /** Nothing is in flight any more, or the drain has taken too long. */
  drained: boolean;
  /** A step on it is under way, or one that failed is not to be tried again yet. */
  busy: boolean;
  /** Its back-off after a crash has not passed. */
  backingOff: boolean;
  /** Calls in flight on it. */
  calls: number;
}

export type Step =
  | { step: 'ensure-image'; generation: string }
  | { step: 'create-replica'; generation: string }
  | { step: 'create-task'; replica: string }
  | { step: 'start-task'; replica: string }
  | { step: 'drain'; replica: string }
  | { step: 'stop-task'; replica: string }
  | { step: 'delete-replica'; replica: string }
  | { step: 'promote' }
  | { step: 'drop-candidate' }
  | { step: 'roll-back' };

/**
 * Decides on the steps to take now, from what is wanted and what is there. It is pure, with no clock and no I/O, and is
 * asked again after every change until it has nothing to say.
 * @param desired undefined for a function that is not wanted any more
 */
export function decide(desired: DesiredFunction | undefined, replicas: ObservedReplica[]): Step[] {
  if (!desired) return replicas.flatMap(retire);
  const { current, candidate } = desired;
  const of = (generation: DesiredGeneration) => replicas.filter((replica) => replica.generation === generation.id);
  const unwanted = replicas.filter(({ generation }) => generation !== current.id && generation !== candidate?.id);
  const steps = unwanted.flatMap(retire);

  if (candidate) {
    const mine = of(candidate);
    const wanted = desired.candidateReplicas ?? desired.replicas;
    if (candidate.failed || mine.some((replica) => replica.task === 'stopped')) return [{ step: 'drop-candidate' }];
    if (mine.filter((replica) => replica.ready).length >= wanted) return [{ step: 'promote' }];
    steps.push(...run(candidate, mine, wanted));
  }
  if (!candidate && desired.rollBack) return [{ step: 'roll-back' }];
  // While a candidate starts, a current generation that sleeps goes on sleeping.
  if (desired.asleep) steps.push(...sleep(of(current), desired));
  else steps.push(...run(current, of(current), desired.replicas));
  return steps;
}

/** Returns the next steps towards `wanted` running replicas of one generation. */
function run(generation: DesiredGeneration, replicas: ObservedReplica[], wanted: number): Step[] {
  const leaving = replicas.filter((replica) => replica.draining || replica.unhealthy || replica.broken);
  const staying = replicas.filter((replica) => !leaving.includes(replica));
  const surplus = [...staying].sort(leastUsefulFirst).slice(0, Math.max(0, staying.length - wanted));
  const kept = staying.filter((replica) => !surplus.includes(replica));
  // What cannot even be taken away is not added to.
  const held = kept.filter(isBeingMade).length + leaving.filter(({ broken }) => broken).length;
  return [
    ...leaving.flatMap(retire),
    ...surplus.flatMap(retire),
    ...kept.flatMap(start),
    ...missing(generation, Math.min(wanted - kept.length, creationsAtOnce - held)),
  ];
}

function isBeingMade({ created, busy }: ObservedReplica): boolean {
  return busy && !created;
}

function missing(generation: DesiredGeneration, count: number): Step[] {
  if (generation.failed || count <= 0) return [];
  if (!generation.imageReady) return [{ step: 'ensure-image', generation: generation.id }];
  return Array.from({ length: count }, () => ({ step: 'create-replica', generation: generation.id }));
}

function start(replica: ObservedReplica): Step[] {
  if (replica.busy || replica.backingOff || replica.task === 'running') return [];
  return [{ step: 'start-task', replica: replica.id }];
}

/** Returns the next steps towards nothing running, with `parked` replicas kept for a quick wake. */
function sleep(replicas: ObservedReplica[], { parked, parkedTask }: DesiredFunction): Step[] {
  return replicas.flatMap((replica, index) => {
    const park = index < parked && replica.created && !replica.broken;
    if (!park || replica.task === 'running' || replica.task === 'stopped') return retire(replica);
    if (replica.busy || replica.task === parkedTask) return [];
    if (parkedTask === 'none') return retire(replica);
    return replica.backingOff ? [] : [{ step: 'create-task', replica: replica.id }];
  });
}

/** Returns the next step on a replica's way out, which leads through routes, calls, task and record. */
function retire(replica: ObservedReplica): Step[] {
  if (replica.busy) return [];
  const isToDrain = replica.task === 'running' && !replica.condemned;
  if (isToDrain && !replica.draining) return [{ step: 'drain', replica: replica.id }];
  if (isToDrain && !replica.drained) return [];
  if (replica.task !== 'none') return [{ step: 'stop-task', replica: replica.id }];
  return [{ step: 'delete-replica', replica: replica.id }];
}

/** What serves stays before what does not, and of what serves those with the most calls. */
function leastUsefulFirst(a: ObservedReplica, b: ObservedReplica): number {
  return usefulness(a) - usefulness(b) || a.calls - b.calls;
}

function usefulness(replica: ObservedReplica): number {
  if (replica.ready) return 2;
  return replica.task === 'running' ? 1 : 0;
}

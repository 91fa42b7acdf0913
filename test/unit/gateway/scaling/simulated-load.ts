import { FunctionTraffic } from '../../../../src/gateway/calls/function-traffic.ts';
import { WatchedFunction } from '../../../../src/gateway/scaling/watched-function.ts';
import { workloadOf } from '../../../../src/provider/index.ts';

/** What replicas take and give: a call lasts this long, and one replica works on this many at once. */
const callMs = 400;
const slotsEach = 8;
/** From the moment that a replica is asked for until it takes calls. */
const startMs = 2000;
const stepMs = 50;

export interface Simulation {
  labels: Record<string, string>;
  /** Calls a second, at a second of the simulation. */
  load: (second: number) => number;
  seconds: number;
}

export interface Figures {
  /** The longest that fewer replicas were wanted than the load of the moment needs: how late the rule is. */
  shortSeconds: number;
  /** The most replicas beyond what the largest load of the last minute needs. */
  overshoot: number;
  /** How often the count was changed. */
  changes: number;
  /** How often a count that was raised was lowered, or the other way, in the same half minute. */
  reversals: number;
  most: number;
  fewest: number;
}

/**
 * A clock of its own, calls that come at random at the rate of the load, the same each time, and the rule alone, asked each
 * second.
 */
export function simulate({ labels, load, seconds }: Simulation): Figures {
  const status = {
    name: 'f',
    namespace: 'n',
    image: 'i',
    labels,
    annotations: {},
    replicas: 1,
    availableReplicas: 1,
    createdAt: 'c',
  };
  const { scaling } = workloadOf(status);
  const random = randomFrom(1);
  const traffic = new FunctionTraffic(0);
  const watched = new WatchedFunction({
    others: () => undefined,
    pending: () => 0,
    status,
    traffic,
    startedMs: 0,
    nowMs: 0,
  });
  const starting: number[] = [];
  let ready = 1;
  let replicas = 1;
  let waiting = 0;
  /** When each call ends, the next first. */
  const ends: number[] = [];
  const counts: number[] = [];
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += stepMs) {
    while ((starting[0] ?? Infinity) <= nowMs) {
      starting.shift();
      ready += 1;
    }
    while ((ends[0] ?? Infinity) <= nowMs) {
      ends.shift();
      traffic.leave(nowMs);
      traffic.ended(nowMs);
    }
    for (let calls = poisson((load(nowMs / 1000) * stepMs) / 1000, random); calls > 0; calls--) {
      traffic.enter(nowMs);
      waiting += 1;
    }
    for (; waiting > 0 && ends.length < ready * slotsEach; waiting--) ends.push(nowMs + callMs);
    if (nowMs % 1000 !== 0) continue;
    const wanted = watched.wantedReplicas(replicas, scaling, nowMs);
    for (let more = replicas; more < wanted; more++) starting.push(nowMs + startMs);
    const gone = Math.max(0, replicas - wanted);
    const notYet = Math.min(gone, starting.length);
    starting.splice(starting.length - notYet, notYet);
    ready -= gone - notYet;
    replicas = wanted;
    counts.push(replicas);
  }
  return figuresOf(counts, (second) => needOf(load(second), scaling.load));
}

function needOf(perSecond: number, rule: { type: string; perReplica: number } | undefined): number {
  const amount = rule?.type === 'capacity' ? (perSecond * callMs) / 1000 : perSecond;
  return Math.max(1, Math.ceil(amount / (rule?.perReplica ?? 1) - 1e-9));
}

/** The first two minutes, in which the rule gets to know the load, do not count. */
const warmUpSeconds = 120;

function figuresOf(counts: number[], need: (second: number) => number): Figures {
  let short = 0;
  let shortSeconds = 0;
  let changes = 0;
  let reversals = 0;
  let overshoot = 0;
  let last = { direction: 0, second: -Infinity };
  for (const [second, count] of counts.entries()) {
    if (second < warmUpSeconds) continue;
    short = count < need(second) ? short + 1 : 0;
    shortSeconds = Math.max(shortSeconds, short);
    const lately = Array.from({ length: 60 }, (_, ago) => need(Math.max(0, second - ago)));
    overshoot = Math.max(overshoot, count - Math.max(...lately));
    const direction = Math.sign(count - (counts[second - 1] ?? count));
    if (direction === 0) continue;
    changes += 1;
    if (direction === -last.direction && second - last.second <= 30) reversals += 1;
    last = { direction, second };
  }
  return {
    shortSeconds,
    overshoot,
    changes,
    reversals,
    most: Math.max(...counts.slice(warmUpSeconds)),
    fewest: Math.min(...counts.slice(warmUpSeconds)),
  };
}

/** Says how many of events that are rare each come in a step. */
function poisson(mean: number, random: () => number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

/** Mulberry32: the same numbers from 0 to 1 for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@prometheus-io/client';
import type { ExecutionContext } from 'ava';
import { createLog } from '../../../../src/base/log.ts';
import { CallHistory } from '../../../../src/gateway/history/call-history.ts';
import { Invocations } from '../../../../src/gateway/metrics/invocations.ts';
import { UsageSamples } from '../../../../src/gateway/metrics/usage-samples.ts';
import type { FunctionMeasure, FunctionName } from '../../../../src/provider/index.ts';
import { CountingProvider } from '../counting-provider.ts';

export const fn: FunctionName = { name: 'env', namespace: 'openfaas-fn' };

/** A process that keeps history, on a clock that the test moves. */
export interface KeptWorld {
  provider: CountingProvider;
  history: CallHistory;
  usage: UsageSamples;
  measures: FunctionMeasure[];
  /** What it logged. */
  lines: string[];
  /** Moves both clocks on, with a look every 10 s as the timer has. */
  pass(ms: number): void;
  /** Makes calls that take so long. */
  call(times: number, ms: number, status?: number): void;
}

export interface Clock {
  nowMs: number;
  /** What the wall clock is ahead of the monotonic one. */
  wallAheadMs: number;
}

export async function historyDir(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'history');
}

export function startClock(): Clock {
  return { nowMs: 5000, wallAheadMs: Date.parse('2026-01-01T12:00:00Z') };
}

export function keptWorld(dir: string | undefined, clock: Clock): KeptWorld {
  const nowMs = () => clock.nowMs;
  const wallMs = () => clock.nowMs + clock.wallAheadMs;
  const lines: string[] = [];
  const log = createLog({ write: (line) => void lines.push(line) });
  const measures: FunctionMeasure[] = [];
  const provider = Object.assign(new CountingProvider(), { measure: () => Promise.resolve(measures) });
  provider.add(fn.name, 2);
  const invocations = new Invocations(new Registry(), nowMs);
  const usage = new UsageSamples({ provider, log, nowMs });
  const history = new CallHistory({ dir, invocations, usage, log, nowMs, wallMs });
  history.follow([...provider.functions.values()]);
  return {
    ...{ provider, history, usage, measures, lines },
    pass(ms) {
      for (let left = ms; left > 0; left -= 10_000) {
        clock.nowMs += Math.min(left, 10_000);
        history.gather();
      }
    },
    call(times, ms, status = 200) {
      for (let i = 0; i < times; i++) {
        const call = invocations.begin(fn);
        clock.nowMs += ms;
        call.end(status);
      }
    },
  };
}

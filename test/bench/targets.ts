import { type Figures, readable } from './figures.ts';

interface Value {
  group: string;
  what: string;
  of: string;
}

/** What a figure should reach, by itself or set against another of the same run. */
export interface Target {
  work: string;
  value: Value;
  /** The other one is the same but for what is named here. */
  against?: Partial<Value>;
  /** Default ratio. */
  by?: 'ratio' | 'difference';
  unit: string;
  atLeast?: number;
  atMost?: number;
  /** Who shows how far the smallest program of the same shape comes. */
  floor?: string;
}

const call = (what: string, work: string, bound: Pick<Target, 'atLeast' | 'atMost'>): Target => ({
  work,
  value: { group: 'calls', what, of: 'fast' },
  against: { of: 'nginx' },
  unit: 'of nginx',
  floor: 'plain proxy',
  ...bound,
});

const asleep = (what: string, work: string, atMost: number, unit: string, against?: Partial<Value>): Target => ({
  work: `with 1000 asleep: ${work}`,
  value: { group: 'asleep', what, of: '1000' },
  against,
  unit,
  atMost,
});

const life = (what: string, work: string, atMost: number, floor?: string): Target => ({
  work,
  value: { group: 'life', what, of: 'berth' },
  unit: 'ms',
  atMost,
  floor,
});

export const targets: Target[] = [
  call('GET, 16 connections: rate', 'GET small, 16 connections', { atLeast: 0.65 }),
  call('GET, 64 connections: rate', 'GET small, 64 connections', { atLeast: 0.65 }),
  {
    ...call('GET, 1 connection: p50', 'p50 at 1 connection over nginx', { atMost: 0.1 }),
    by: 'difference',
    unit: 'ms more than nginx',
  },
  call('GET, 64 connections: p99', 'p99 at 64 connections', { atMost: 1.5 }),
  call('POST 1 KiB, 16 connections: rate', 'POST 1 KiB', { atLeast: 0.6 }),
  call('POST 100 KiB, 16 connections: rate', 'POST 100 KiB', { atLeast: 0.6 }),
  call('10 MiB response, 16 connections: rate', '10 MiB response', { atLeast: 0.6 }),
  {
    work: 'deploy to first 200',
    value: { group: 'life', what: 'deploy to first 200', of: 'berth' },
    against: { of: 'ctr run -d' },
    unit: 'of `ctr run -d`, which has no network',
    atMost: 1.1,
    floor: 'ctr run + bridge',
  },
  life('wake, cold', 'wake, cold', 75, 'same task alone'),
  life('wake, standby', 'wake, standby', 15, 'same task alone'),
  life('update, answered by the new version', 'update of a warm function, answered', 140),
  asleep('deploy to first 200', 'deploy', 1.15, 'of with 1', { of: '1' }),
  asleep('wake, cold', 'wake', 1.15, 'of with 1', { of: '1' }),
  asleep('list', 'list', 10, 'ms'),
  asleep('longest standstill of the event loop', 'longest standstill of the event loop', 30, 'ms'),
  asleep('restart to serving', 'restart to serving', 3000, 'ms'),
  asleep('idle, of a core', 'idle', 0.5, '% of a core'),
  asleep('resident', 'resident', 140, 'MB'),
  {
    work: 'resident, idle',
    value: { group: 'running', what: 'resident', of: '0' },
    unit: 'MB',
    atMost: 90,
    floor: 'Node + packages',
  },
  {
    work: 'resident with 50 functions, 30 s after load',
    value: { group: 'running', what: 'resident 30 s after load', of: '50' },
    unit: 'MB',
    atMost: 110,
    floor: 'plain proxy + packages',
  },
  {
    work: 'pull of 200 MB in 10 layers',
    value: { group: 'pull', what: '200 MB in 10 layers', of: 'berth' },
    against: { of: 'ctr pull' },
    unit: 'of `ctr pull`',
    atMost: 1.1,
    floor: 'ctr pull --local + sync',
  },
];

/** A Markdown table of the targets that were measured. */
export function targetTable(figures: Figures): string {
  const rows = targets.flatMap((target) => {
    const value = valueOf(figures, target, target.value.of);
    if (value === undefined) return [];
    const floor = target.floor === undefined ? undefined : valueOf(figures, target, target.floor);
    const bound = target.atLeast === undefined ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
    const reached = value >= (target.atLeast ?? -Infinity) && value <= (target.atMost ?? Infinity) ? 'yes' : 'no';
    const shown = floor === undefined ? '' : `${readable(floor)} (${target.floor})`;
    return [`| ${target.work} | ${readable(value)} ${target.unit} | ${bound} | ${reached} | ${shown} |`];
  });
  return ['| work | measured | target | reached | floor |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function valueOf(figures: Figures, { value, against, by = 'ratio' }: Target, of: string): number | undefined {
  const own = figures.of(value.group, value.what, of);
  if (own === undefined || !against) return own;
  const other = { ...value, ...against };
  const beside = figures.of(other.group, other.what, other.of);
  if (beside === undefined) return undefined;
  return by === 'ratio' ? own / beside : own - beside;
}

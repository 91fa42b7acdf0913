import test from 'ava';
import { scale } from './scaled-world.ts';
import { simulate, type Figures } from './simulated-load.ts';

const minute = 60;
/** A replica is for 10 calls a second by the one rule, and for 5 at once by the other: 12.5 calls a second. */
const rules = {
  rps: scale({ type: 'rps', target: '10', 'target-proportion': '1', max: '40' }),
  capacity: scale({ type: 'capacity', target: '5', 'target-proportion': '1', max: '40' }),
};

type Bounds = Pick<Figures, 'shortSeconds' | 'overshoot' | 'changes' | 'reversals'>;
interface Case {
  what: string;
  /** Calls a second, at each second of a quarter of an hour; they come at random. */
  load: (second: number) => number;
  rps: Bounds;
  capacity: Bounds;
}

const sinus = (seconds: number) => (second: number) => 100 + 60 * Math.sin((2 * Math.PI * second) / seconds);

const cases: Case[] = [
  {
    what: 'noise on the edge of two counts',
    load: () => 100,
    rps: { shortSeconds: 0, overshoot: 2, changes: 4, reversals: 0 },
    capacity: { shortSeconds: 0, overshoot: 6, changes: 20, reversals: 8 },
  },
  {
    what: 'a step from 20 to 200',
    load: (second) => (second < 5 * minute ? 20 : 200),
    rps: { shortSeconds: 25, overshoot: 18, changes: 30, reversals: 1 },
    capacity: { shortSeconds: 2, overshoot: 26, changes: 15, reversals: 3 },
  },
  {
    what: 'a step from 200 to 20',
    load: (second) => (second < 5 * minute ? 200 : 20),
    rps: { shortSeconds: 0, overshoot: 3, changes: 32, reversals: 4 },
    capacity: { shortSeconds: 0, overshoot: 8, changes: 20, reversals: 4 },
  },
  {
    what: 'a ramp from 10 to 300 in 10 minutes',
    load: (second) => 10 + Math.min(290, Math.max(0, (290 * (second - 2 * minute)) / (10 * minute))),
    rps: { shortSeconds: 18, overshoot: 3, changes: 36, reversals: 1 },
    capacity: { shortSeconds: 0, overshoot: 10, changes: 36, reversals: 3 },
  },
  {
    what: 'a sinus of 100 ± 60 in 5 minutes',
    load: sinus(5 * minute),
    rps: { shortSeconds: 18, overshoot: 2, changes: 75, reversals: 1 },
    capacity: { shortSeconds: 0, overshoot: 8, changes: 65, reversals: 5 },
  },
  {
    what: 'a sinus of 100 ± 60 in a minute',
    load: sinus(minute),
    rps: { shortSeconds: 24, overshoot: 2, changes: 125, reversals: 8 },
    capacity: { shortSeconds: 0, overshoot: 8, changes: 35, reversals: 9 },
  },
  {
    what: 'bursts of 200 for 10 s each minute, 20 between',
    load: (second) => (second % minute < 10 ? 200 : 20),
    rps: { shortSeconds: 12, overshoot: 1, changes: 120, reversals: 7 },
    capacity: { shortSeconds: 2, overshoot: 26, changes: 44, reversals: 9 },
  },
];

for (const { what, load, ...bounds } of cases) {
  for (const rule of ['rps', 'capacity'] as const) {
    test(`${rule}: ${what}`, (t) => {
      const figures = simulate({ labels: rules[rule], load, seconds: 15 * minute });
      t.log(JSON.stringify(figures));
      for (const [name, bound] of Object.entries(bounds[rule])) {
        const figure = figures[name as keyof Bounds];
        t.true(figure <= bound, `${name}: ${figure}, at most ${bound}`);
      }
    });
  }
}

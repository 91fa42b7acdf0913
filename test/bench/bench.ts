/**
 * What berth costs, beside other programs that do the same work, in one table: `sudo npm run bench`. Asserts nothing.
 *   npm run bench -- [--quick] [--only CASE,…] [--match REGEXP] [--against URL [--image REFERENCE]] [--json FILE] [--save]
 * docs/performance.md says what the cases are and how to read them.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { benchAsleep } from './asleep.ts';
import { benchAsync } from './async.ts';
import { benchCalls } from './calls.ts';
import { Figures } from './figures.ts';
import { benchLife } from './life.ts';
import { describeMachine } from './machine.ts';
import { startPeer } from './peer.ts';
import { compileProduct } from './product.ts';
import { benchPull } from './pull.ts';
import { jsonOf, saveRun } from './report.ts';
import { benchRunning } from './running.ts';
import { tableOf } from './table.ts';
import { targetTable } from './targets.ts';
import type { Bench } from './world.ts';

const cases: Record<string, (bench: Bench) => Promise<void>> = {
  calls: benchCalls,
  life: benchLife,
  asleep: benchAsleep,
  running: benchRunning,
  pull: benchPull,
  async: benchAsync,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(cases).join(',') },
    match: { type: 'string', default: '' },
    against: { type: 'string' },
    image: { type: 'string' },
    json: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const chosen = values.only.split(',');
const unknown = chosen.filter((name) => !cases[name]);
if (unknown.length > 0) throw new Error(`no such case: ${unknown.join(', ')} (${Object.keys(cases).join(', ')})`);

const startMs = performance.now();
const seconds = () => Math.round((performance.now() - startMs) / 1000);
const machine = await describeMachine();
for (const [name, value] of Object.entries(machine)) console.log(`${name.padEnd(12)}${value}`);
await using peer = values.against ? await startPeer(values.against, values.image) : undefined;
const figures = new Figures();
const bench: Bench = {
  figures,
  quick: values.quick,
  match: new RegExp(values.match),
  program: await compileProduct(),
  peer,
  say: (what) => console.error(`${String(seconds()).padStart(5)} s  ${what}`),
};
for (const name of chosen) {
  // What the others have measured in all these minutes is kept.
  await cases[name]?.(bench).catch((error: unknown) => {
    console.error(`FAILED: ${name}:`, error);
    process.exitCode = 1;
  });
}

console.log(`\n${tableOf(figures)}\n${targetTable(figures)}`);
const date = new Date().toISOString().slice(0, 10);
const data = { date, minutes: Math.round(seconds() / 60), machine, rows: figures.rows };
if (values.json) await writeFile(values.json, jsonOf(data));
if (values.save) await saveRun(data);

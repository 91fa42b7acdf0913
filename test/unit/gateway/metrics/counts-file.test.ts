import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@prometheus-io/client';
import test, { type ExecutionContext } from 'ava';
import { createLog } from '../../../../src/base/log.ts';
import { CountsFile } from '../../../../src/gateway/metrics/counts-file.ts';
import { AlertHolds } from '../../../../src/gateway/scaling/alert-holds.ts';
import { Invocations } from '../../../../src/gateway/metrics/invocations.ts';
import { until } from '../../../helpers/poll.ts';

const env = { name: 'env', namespace: 'openfaas-fn' };

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'counts-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

/** A process that counts, on the file of those before it. */
async function start(path: string) {
  let nowMs = 0;
  const lines: string[] = [];
  const registry = new Registry();
  const invocations = new Invocations(registry, () => nowMs);
  const log = createLog({ level: 'info', journal: true, write: (line) => lines.push(line) });
  const holds = new AlertHolds();
  const file = new CountsFile({ path, invocations, holds, log, periodMs: 5 });
  await file.read();
  const call = (status: number, ms = 1) => {
    const call = invocations.begin(env);
    nowMs += ms;
    call.end(status);
  };
  const page = async () => (await registry.metrics()).split('\n').filter((line) => line && !line.startsWith('#'));
  return { invocations, holds, file, lines, call, page, pass: (ms: number) => (nowMs += ms) };
}

test('counts go on over a restart, to the last bucket', async (t) => {
  const path = join(await folderOf(t), 'counts.json');
  const first = await start(path);
  first.call(200, 30);
  first.call(200, 20_000);
  first.call(500, 1);
  const wait = first.invocations.hold(env);
  first.pass(700);
  wait();
  first.invocations.woken(env, 650);
  await first.file.write();
  const second = await start(path);
  t.deepEqual(await second.page(), await first.page());
  t.is(second.invocations.count(env), 3);
  second.call(200);
  t.is(second.invocations.count(env), 4);
  t.true(
    (await second.page()).includes(
      'gateway_functions_seconds_bucket{le="+Inf",function_name="env.openfaas-fn",code="200"} 3',
    ),
  );
  t.true((await second.page()).includes('berth_function_queue_seconds_count{function_name="env.openfaas-fn"} 1'));
  t.true((await second.page()).includes('berth_function_wake_seconds_sum{function_name="env.openfaas-fn"} 0.65'));
});

test('so does what alerts have added', async (t) => {
  const path = join(await folderOf(t), 'counts.json');
  const first = await start(path);
  first.holds.fired(env, 'busy', { from: 1, to: 5 });
  await first.file.write();
  const { holds } = await start(path);
  holds.fired(env, 'busy', { from: 5, to: 9 });
  t.is(holds.keep(env, 9, 1), 9);
  t.is(holds.resolved(env, 'busy', 9), 1);
});

test('calls that are under way when the process dies have not begun', async (t) => {
  const path = join(await folderOf(t), 'counts.json');
  const first = await start(path);
  first.call(200);
  first.invocations.begin(env);
  await first.file.write();
  t.true(
    (await (await start(path)).page()).includes(
      'gateway_function_invocation_started{function_name="env.openfaas-fn"} 1',
    ),
  );
});

test('it is written by itself while there are calls, and not when nothing has changed', async (t) => {
  const path = join(await folderOf(t), 'counts.json');
  const first = await start(path);
  const stopping = new AbortController();
  const running = first.file.run(stopping.signal);
  first.call(200);
  await until(async () => (await readFile(path, 'utf8')).includes('env.openfaas-fn'));
  stopping.abort();
  await running;
  await rm(path);
  await first.file.write();
  await t.throwsAsync(readFile(path), { code: 'ENOENT' });
});

test('while nothing has changed, nothing is gathered', async (t) => {
  const { file, call, invocations, holds } = await start(join(await folderOf(t), 'counts.json'));
  let gathered = 0;
  const kept = invocations.kept.bind(invocations);
  invocations.kept = () => {
    gathered += 1;
    return kept();
  };
  const written = async () => {
    const before = gathered;
    await file.write();
    await file.write();
    return gathered - before;
  };
  call(200);
  t.is(await written(), 1);
  t.is(await written(), 0);
  holds.fired(env, 'slow', { from: 1, to: 2 });
  t.is(await written(), 1);
  invocations.woken(env, 5);
  t.is(await written(), 1);
});

test('calls that end after a process has handed over are counted by the next one', async (t) => {
  const path = join(await folderOf(t), 'counts.json');
  const first = await start(path);
  const stopping = new AbortController();
  first.call(200);
  const late = first.invocations.begin(env);
  const running = first.file.run(stopping.signal);
  stopping.abort();
  await running;
  const second = await start(path);
  t.is(second.invocations.count(env), 1);
  second.call(200);
  late.end(200);
  await first.file.writeRest();
  const ending = new AbortController();
  const counting = second.file.run(ending.signal);
  await until(() => second.invocations.count(env) === 3);
  ending.abort();
  await counting;
  t.is((await start(path)).invocations.count(env), 3);
});

test('a process after which no call ended leaves no rest', async (t) => {
  const folder = await folderOf(t);
  const first = await start(join(folder, 'counts.json'));
  first.call(200);
  await first.file.run(AbortSignal.abort());
  await first.file.write();
  await first.file.writeRest();
  t.deepEqual(await readdir(folder), []);
});

for (const [what, content] of [
  ['half a file', '{"schema":1,"functions":{"env'],
  ['another schema', '{"schema":2,"functions":{}}'],
  ['counts that are none', '{"schema":1,"functions":{"env.openfaas-fn":{"started":"many"}}}'],
  ['an empty file', ''],
] as const) {
  test(`${what} is told, and counts begin at 0`, async (t) => {
    const path = join(await folderOf(t), 'counts.json');
    await writeFile(path, content);
    const { file, invocations, call, lines } = await start(path);
    t.is(lines.length, content ? 1 : 0);
    t.is(invocations.count(env), 0);
    call(200);
    await file.write();
    t.is((await start(path)).invocations.count(env), 1);
  });
}

test("a newer berth's counts are set aside for it, and it adds them once it is back", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'counts.json');
  const newer = '{"schema":2,"functions":{}}';
  for (const name of [path, `${path}.77`]) await writeFile(name, newer);
  const { file, call, lines } = await start(path);
  call(200);
  await file.write();
  t.is(lines.length, 2);
  t.regex(lines.join(''), /of a newer berth.*counts\.json\.schema-2/);
  for (const name of [path, `${path}.77`]) t.is(await readFile(`${name}.schema-2`, 'utf8'), newer);
  // As one of schema 0 would have done with what this one wrote.
  await rename(path, `${path}.schema-1`);
  const again = await start(path);
  again.call(200);
  t.is(again.invocations.count(env), 2);
  t.deepEqual((await readdir(folder)).sort(), ['counts.json', 'counts.json.77.schema-2', 'counts.json.schema-2']);
});

test('what cannot be written is told once, and once it can be again', async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'away', 'counts.json');
  const { file, call, lines } = await start(path);
  call(200);
  await file.write();
  await file.write();
  t.is(lines.length, 1);
  await mkdir(join(folder, 'away'));
  await file.write();
  t.is(lines.length, 2);
  t.is((await start(path)).invocations.count(env), 1);
});

test('a function that is removed leaves the page and the file', async (t) => {
  const path = join(await folderOf(t), 'counts.json');
  const { file, call, invocations, page, pass } = await start(path);
  call(200);
  await file.write();
  pass(10);
  invocations.forgetOthers(new Set(), 5);
  t.deepEqual(await page(), []);
  await file.write();
  t.is((await start(path)).invocations.count(env), 0);
});

/** What is stored is read by the version that comes next, and what that writes by the one before. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Registry } from '@prometheus-io/client';
import { FunctionStore } from '../../../../../src/backends/containerd/desired/function-store.ts';
import { NamespaceStore } from '../../../../../src/backends/containerd/desired/namespace-store.ts';
import {
  candidateDropped,
  promoted,
  resolvedTo,
  rolledBack,
  type FunctionRecord,
} from '../../../../../src/backends/containerd/desired/record.ts';
import { createLog } from '../../../../../src/base/log.ts';
import { CountsFile } from '../../../../../src/gateway/metrics/counts-file.ts';
import { Invocations } from '../../../../../src/gateway/metrics/invocations.ts';
import { AlertHolds } from '../../../../../src/gateway/scaling/alert-holds.ts';
import { SecretStore } from '../../../../../src/secrets/index.ts';

/** Written by the stores of commit aea1416, before there were upgrades; line breaks apart. */
const before = path.join(import.meta.dirname, '../../../../fixtures/store-2026-11-26');
const env = { name: 'env', namespace: 'openfaas-fn' };
const asleep = { name: 'asleep', namespace: 'dev' };

interface Store {
  dataDir: string;
  functions: FunctionStore;
  lines: string[];
  read: (name: { name: string; namespace: string }) => Promise<Record<string, unknown>>;
}

async function copyOf(
  t: ExecutionContext,
  change: (dataDir: string) => Promise<void> = async () => {},
): Promise<Store> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'schema-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  await cp(before, dataDir, { recursive: true });
  await change(dataDir);
  const lines: string[] = [];
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  const functions = new FunctionStore({ dir: path.join(dataDir, 'functions'), at() {}, log });
  await functions.load().catch(() => {});
  const read = async ({ name, namespace }: { name: string; namespace: string }) => {
    const text = await readFile(path.join(dataDir, 'functions', namespace, `${name}.json`), 'utf8');
    return JSON.parse(text) as Record<string, unknown>;
  };
  return { dataDir, functions, lines, read };
}

test('a store of the version before is read whole', async (t) => {
  const { dataDir, functions, lines } = await copyOf(t);
  const found = functions.get(env);
  t.is(found?.current.deployment.image, 'example.com/env:2');
  t.is(found?.previous?.deployment.image, 'example.com/env:1');
  t.is(found?.candidate?.deployment.image, 'example.com/env:3');
  t.deepEqual(found?.current.deployment.limits, { memory: '40Mi', cpu: '100m' });
  t.true(functions.get(asleep)?.asleep);
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  t.deepEqual(await new NamespaceStore({ dir: path.join(dataDir, 'namespaces'), log }).all(), [
    { name: 'dev', labels: { openfaas: '1' }, annotations: { who: 'me' } },
  ]);
  const secrets = new SecretStore({ dir: path.join(dataDir, 'secrets') });
  t.is((await secrets.read('openfaas-fn', 'key')).toString(), 'value');
  const invocations = new Invocations(new Registry(), () => 0);
  await new CountsFile({ path: path.join(dataDir, 'counts.json'), invocations, holds: new AlertHolds(), log }).read();
  t.is(invocations.count(env), 2);
  t.deepEqual(lines, []);
});

test('what a newer version has added to a file stays when an older one writes it', async (t) => {
  const { dataDir, functions, read } = await copyOf(t, async (folder) => {
    const file = path.join(folder, 'functions/openfaas-fn/env.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as FunctionRecord;
    const newer = { ...record, newer: 1, current: { ...record.current, newer: 2 } };
    Object.assign(newer.current.deployment, { newer: 3 });
    await writeFile(file, JSON.stringify(newer));
  });
  t.truthy(dataDir);
  const changes: ((record: FunctionRecord) => FunctionRecord)[] = [
    (record) => ({ ...record, replicas: 5 }),
    (record) => resolvedTo(record, record.candidate?.id ?? '', 'sha256:1'),
    (record) => candidateDropped(record, record.candidate?.id ?? '', 'no reason'),
    (record) => rolledBack(record, 'no reason'),
  ];
  for (const change of changes) {
    await functions.change(env, (record) => record && change(record));
    const { newer, current } = (await read(env)) as { newer: number; current: { newer: number; deployment: object } };
    t.is(newer, 1);
    t.is(current.newer, 2);
    t.like(current.deployment, { newer: 3 });
  }
  await functions.change(env, (record) => record && promoted(record));
  t.is((await read(env)).newer, 1);
});

test('a file of a newer schema is left as it is, and the log says what to do', async (t) => {
  const { dataDir, functions, lines } = await copyOf(t, async (folder) => {
    await writeFile(path.join(folder, 'functions/openfaas-fn/env.json'), '{"schema":2}');
    await writeFile(path.join(folder, 'namespaces/dev.json'), '{"schema":3}');
  });
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  const namespaces = new NamespaceStore({ dir: path.join(dataDir, 'namespaces'), log });
  await namespaces.all();
  t.true(functions.isUnreadable(env));
  t.true(functions.has(asleep));
  const text = lines.join('');
  t.regex(text, /env\.json.*it is of a newer berth \(schema 2, this one knows 1\): install that one/);
  t.regex(text, /dev\.json.*it is of a newer berth \(schema 3, this one knows 1\): install that one/);
  const file = path.join(dataDir, 'functions/openfaas-fn/env.json');
  t.is(await readFile(file, 'utf8'), '{"schema":2}');
  // Who deploys the function anew takes nothing away either, nor who changes the namespace.
  const record = functions.get(asleep);
  await functions.change(env, () => record);
  t.is(await readFile(`${file}.unreadable`, 'utf8'), '{"schema":2}');
  for (const who of ['you', 'them']) await namespaces.put({ name: 'dev', labels: {}, annotations: { who } });
  t.is(await readFile(path.join(dataDir, 'namespaces/dev.json.unreadable'), 'utf8'), '{"schema":3}');
});

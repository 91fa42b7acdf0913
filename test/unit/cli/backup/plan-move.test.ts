import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import type { NamespaceOfCluster } from '../../../../src/backends/kubernetes/index.ts';
import { unpackBackup } from '../../../../src/cli/backup/backup-archive.ts';
import { hostPlaces } from '../../../../src/cli/backup/host-places.ts';
import { houseOf, type House } from '../../../../src/cli/backup/house.ts';
import { moveNotes } from '../../../../src/cli/backup/move-notes.ts';
import { planMove, stepName } from '../../../../src/cli/backup/plan-move.ts';
import { readDaemonConfig } from '../../../../src/daemon/index.ts';
import type { FunctionDeployment } from '../../../../src/provider/index.ts';
import { backedUp, recordFile, type HouseFile } from '../../../helpers/house.ts';
import { runVerb } from '../run-verb.ts';

const namespace = 'openfaas-fn';
const fn = (name: string, fields: Partial<FunctionDeployment> = {}) => {
  return { name, namespace, image: 'ghcr.io/me/x:1', ...fields };
};
const empty: NamespaceOfCluster = { kind: 'functions', labels: {}, annotations: {}, functions: [], secrets: [] };
const absent: NamespaceOfCluster = { ...empty, kind: 'absent' };

async function houseWith(t: ExecutionContext, files: HouseFile): Promise<House> {
  const { file, remove } = await backedUp(files);
  t.teardown(remove);
  const places = hostPlaces(readDaemonConfig({ tls_cert: '/a', tls_key: '/b' }), '/etc/berth/berth.env');
  return houseOf(await unpackBackup(await readFile(file)), places);
}

/** Says what becomes of each, with why where it is left. */
function planned(house: House, view: Record<string, NamespaceOfCluster | Error>): Record<string, string> {
  const steps = planMove(house, new Map(Object.entries(view)));
  return Object.fromEntries(
    steps.map((step) => [
      stepName(step),
      [step.action, step.replaces && 'replaces', step.why].filter(Boolean).join(' '),
    ]),
  );
}

test('what a cluster does not have is added, in the order in which it is needed', async (t) => {
  const house = await houseWith(t, {
    ...recordFile(fn('a', { secrets: ['key'] })),
    ...recordFile(fn('b', { namespace: 'dev' }), { asleep: true, replicas: 3 }),
    ...recordFile(fn('c', { labels: { 'com.openfaas.scale.max': '2' } }), { replicas: 5 }),
    'data/secrets/openfaas-fn/key': Buffer.from([0, 255]),
  });
  const steps = planMove(
    house,
    new Map([
      [namespace, empty],
      ['dev', absent],
    ]),
  );
  t.deepEqual(
    steps.map((step) => [stepName(step), step.action]),
    [
      ['namespace dev', 'added'],
      ['namespace openfaas-fn', 'unchanged'],
      ['secret key.openfaas-fn', 'added'],
      ['function b.dev', 'added'],
      ['function a.openfaas-fn', 'added'],
      ['function c.openfaas-fn', 'added'],
    ],
  );
  const replicas = steps.flatMap((step) => (step.kind === 'function' ? [step.replicas] : []));
  t.deepEqual(replicas, [0, 1, 2]);
});

test('what is there the same stays, and what is otherwise is replaced', async (t) => {
  const house = await houseWith(t, {
    ...recordFile(fn('same', { labels: { a: '1', b: '2' } })),
    ...recordFile(fn('other')),
    'data/secrets/openfaas-fn/same': 'x',
    'data/secrets/openfaas-fn/other': 'x',
  });
  const there = {
    ...empty,
    functions: [fn('same', { labels: { b: '2', a: '1' } }), fn('other', { image: 'y' })],
    secrets: ['same', 'other'].map((name) => ({ name, namespace, value: Buffer.from(name === 'same' ? 'x' : 'y') })),
  };
  t.deepEqual(planned(house, { [namespace]: there }), {
    'namespace openfaas-fn': 'unchanged',
    'secret other.openfaas-fn': 'changed replaces',
    'secret same.openfaas-fn': 'unchanged',
    'function other.openfaas-fn': 'changed replaces',
    'function same.openfaas-fn': 'unchanged',
  });
});

test("a namespace's labels are added to the cluster's own, and replace another value with --force alone", async (t) => {
  const text = '{"schema":1,"labels":{"openfaas":"true","team":"a","no good":"x"},"annotations":{}}';
  const house = await houseWith(t, { 'data/namespaces/dev.json': text });
  const withLabels = (labels: Record<string, string>) => ({ dev: { ...empty, labels } });
  t.is(planned(house, withLabels({ openfaas: '1', team: 'a', more: 'b' }))['namespace dev'], 'unchanged');
  t.is(planned(house, withLabels({ openfaas: '1' }))['namespace dev'], 'changed');
  t.is(planned(house, withLabels({ team: 'b' }))['namespace dev'], 'changed replaces');
  const [step] = planMove(house, new Map(Object.entries(withLabels({ more: 'b' }))));
  t.deepEqual(step?.wanted, { name: 'dev', labels: { more: 'b', openfaas: 'true', team: 'a' }, annotations: {} });
  const notes = moveNotes(house, { defaultNamespace: namespace, imagePullSecrets: [], arch: process.arch });
  t.true(notes.some((note) => note.startsWith('namespace dev comes without no good:')));
});

test('what a cluster cannot have is left with its reason, and so is what needs it', async (t) => {
  const house = await houseWith(t, {
    ...recordFile(fn('1st')),
    ...recordFile(fn('reader', { secrets: ['API_KEY'] })),
    ...recordFile(fn('puller', { annotations: { 'com.openfaas.image.pull-secret': 'API_KEY' } })),
    ...recordFile(fn('picky', { constraints: ['node.role != manager'] })),
    ...recordFile(fn('lost', { namespace: 'kube-system' })),
    ...recordFile(fn('hidden', { namespace: 'dark' })),
    'data/secrets/openfaas-fn/API_KEY': 'x',
    'data/secrets/openfaas-fn/large': Buffer.alloc(1024 * 1024 + 1),
  });
  const plan = planned(house, {
    [namespace]: empty,
    'kube-system': { ...empty, kind: 'other' },
    dark: new Error('forbidden'),
  });
  t.regex(plan['function 1st.openfaas-fn'] ?? '', /^left .*begins with a letter/);
  t.regex(plan['secret API_KEY.openfaas-fn'] ?? '', /^left Kubernetes wants lower-case letters/);
  t.regex(plan['secret large.openfaas-fn'] ?? '', /^left it has 1048577 bytes/);
  for (const name of ['reader', 'puller'])
    t.regex(plan[`function ${name}.openfaas-fn`] ?? '', /^left its secret API_KEY is left behind/);
  t.regex(plan['function picky.openfaas-fn'] ?? '', /^left constraint .* cannot be read/);
  t.regex(
    plan['namespace kube-system'] ?? '',
    /^left .*not for functions: kubectl label namespace kube-system openfaas=1/,
  );
  t.regex(plan['namespace dark'] ?? '', /^left .*forbidden/);
  t.is(plan['function lost.kube-system'], 'left its namespace kube-system is left behind');
  t.is(plan['function hidden.dark'], 'left its namespace dark is left behind');
});

test('a secret that images alone are pulled with is one of logins', async (t) => {
  const pulls = (name: string) => ({ annotations: { 'com.openfaas.image.pull-secret': name } });
  const house = await houseWith(t, {
    ...recordFile(fn('a', pulls('hub'))),
    ...recordFile(fn('b', { ...pulls('both'), secrets: ['both'] })),
    'data/secrets/openfaas-fn/hub': '{"auths":{}}',
    'data/secrets/openfaas-fn/both': '{"auths":{}}',
    'data/secrets/openfaas-fn/plain': 'x',
  });
  const steps = planMove(house, new Map([[namespace, empty]]));
  const logins = steps.flatMap((step) => (step.kind === 'secret' && step.isLogins ? [step.wanted.name] : []));
  t.deepEqual(logins, ['hub']);
});

test('what stays on the host is said, with what to do', async (t) => {
  const house = await houseWith(t, {
    ...recordFile(fn('kept'), { file: { path: '/a.yml', digest: 'b' } }),
    ...recordFile(fn('applied'), { file: { path: '/a.yml' } }),
    ...recordFile(fn('updating'), {
      candidate: { id: 'c', deployment: fn('updating', { image: 'y' }), createdAt: '2026-01-01T00:00:00Z' },
      previous: { id: 'p', deployment: fn('updating', { image: 'z' }), createdAt: '2026-01-01T00:00:00Z' },
    }),
    ...recordFile(fn('local', { image: '127.0.0.1:5000/x' })),
    ...recordFile(fn('open', { image: 'x', annotations: { 'com.openfaas.network.allow': 'host:5432' } })),
    ...recordFile(fn('caller', { image: 'x', envVars: { next: 'http://gateway:8080/function/open' } })),
    ...recordFile(fn('own', { annotations: { 'com.openfaas.image.pull-secret': 'hub' } })),
    'etc/berth.env': 'function_namespace=fns\n',
    'etc/docker/config.json': '{"auths":{"https://ghcr.io":{"auth":"c2VjcmV0"}}}',
    'certs.d/ghcr.io/hosts.toml': '',
  });
  const options = { defaultNamespace: namespace, imagePullSecrets: [], arch: 'other' };
  const notes = moveNotes(house, options);
  const expected = [
    /^settings and the password of the API stay/,
    /no namespace in fns, and this berth in openfaas-fn/,
    /hosts\.toml/,
    /the backup is of .* and this berth runs on other/,
    /^functions kept\.openfaas-fn become functions of the API/,
    /^functions updating\.openfaas-fn come in the version that served/,
    /nothing to roll back to/,
    /^functions applied\.openfaas-fn, kept\.openfaas-fn, updating\.openfaas-fn are pulled with the host's login at ghcr\.io/,
    /^functions local\.openfaas-fn have images of a registry on the host itself/,
    /^functions open\.openfaas-fn reach ports of the host/,
    /^functions caller\.openfaas-fn have http:\/\/gateway/,
  ];
  t.is(notes.length, expected.length, notes.join('\n'));
  for (const [at, pattern] of expected.entries()) t.regex(notes[at] ?? '', pattern);
  t.false(notes.join().includes('c2VjcmV0'));
  t.is(moveNotes(house, { ...options, imagePullSecrets: ['hub'] }).length, expected.length - 1);
});

test('a restore to a cluster says what it needs', async (t) => {
  const { file, folder, remove } = await backedUp(recordFile(fn('a')));
  t.teardown(remove);
  const restore = (args: string[], env = {}) => runVerb(['restore', ...args], env);
  t.is((await restore([file, '--backend', 'nomad'])).code, 2);
  t.is((await restore([file, '--backend', 'kubernetes', '--host-settings'])).code, 2);
  const unreadable = await restore([file, '--backend', 'kubernetes'], { kubeconfig: join(folder, 'none') });
  t.is(unreadable.code, 1);
  t.regex(unreadable.stderr, /nothing was restored: kubeconfig: .*none cannot be read/);
  const outside = await restore([file, '--backend', 'kubernetes']);
  t.regex(outside.stderr, /nothing was restored: kubeconfig: what is not in a Pod names no cluster/);
});

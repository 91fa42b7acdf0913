/** A single host's backup, brought to a cluster by `berth restore --backend kubernetes`. */
import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { FunctionDeployment } from '../../src/provider/index.ts';
import { startBerth, type TestBerth } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { backedUp, recordFile } from '../helpers/house.ts';
import { labRegistry } from '../helpers/kubernetes-lab/registry.ts';
import { until } from '../helpers/poll.ts';
import { runVerb } from '../unit/cli/run-verb.ts';
import { functionNamespace, kubeconfig, kubectl } from './cluster.ts';

const tag = randomBytes(4).toString('hex');
/** The first is in the cluster already, the second comes with the backup. */
const [namespace, further] = [`fn-${tag}`, `house-${tag}`];
const odd = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const settings = { kubeconfig, function_namespace: namespace };

let berth: TestBerth;
let house: { file: string; remove: () => Promise<void> };
let sent: FunctionDeployment[];

test.before(async () => {
  await functionNamespace(namespace);
  const { reference: image } = await functionImage(labRegistry, { tag: 'house', env: ['VERSION=house'] });
  const whole = {
    ...{ name: 'whole', namespace, image, envVars: { GREETING: 'a $(B) "c"' }, secrets: ['odd', 'none'] },
    ...{ labels: { team: 'a', 'not one': 'for Kubernetes!' }, annotations: { note: 'ä\nb' } },
    ...{ limits: { memory: '64Mi' }, requests: { cpu: '10m' }, readOnlyRootFilesystem: true },
    constraints: ['kubernetes.io/os=linux'],
  };
  const sleeper = { name: 'sleeper', namespace, image };
  const worker = { name: 'worker', namespace: further, image, labels: { 'com.openfaas.scale.min': '2' } };
  sent = [whole, sleeper, worker];
  house = await backedUp({
    ...recordFile(whole),
    ...recordFile(sleeper, { asleep: true, replicas: 3 }),
    ...recordFile(worker, { replicas: 2 }),
    ...recordFile({ name: '1st', namespace, image }),
    [`data/namespaces/${further}.json`]: '{"schema":1,"labels":{"team":"b"},"annotations":{"why":"more"}}',
    [`data/secrets/${namespace}/odd`]: odd,
    [`data/secrets/${namespace}/none`]: '',
    [`data/secrets/${namespace}/UPPER_CASE`]: 'x',
  });
  berth = await startBerth({ env: { backend: 'kubernetes', ...settings } });
});
test.after.always(async () => {
  await berth?.stop();
  await house?.remove();
  await kubectl('delete', 'namespace', namespace, further, '--wait=false', '--ignore-not-found');
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await berth.log()).slice(-10_000), await kubectl('get', 'pods,events', '-A', '-o', 'wide'));
});

const restore = (...args: string[]) => runVerb(['restore', house.file, '--backend', 'kubernetes', ...args], settings);

/** All that the cluster has in both namespaces, with its versions. */
async function objects(): Promise<string> {
  const kinds = 'deployments,services,secrets';
  const fields = 'custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid,GENERATION:.metadata.generation';
  const list = (of: string) => kubectl('get', kinds, '--namespace', of, '--output', fields, '--no-headers');
  return `${await list(namespace)}\n${await list(further)}\n${await kubectl('get', 'namespaces', '--output', 'name')}`;
}

async function call(name: string, of: string, path = '/'): Promise<Buffer> {
  const answer = await fetch(`${berth.url}/function/${name}.${of}${path}`);
  const body = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${name}${path}: ${answer.status} ${body.toString()}`);
  return body;
}

test.serial('a dry run changes nothing, and says what would be', async (t) => {
  const before = await objects();
  const { code, stdout, stderr } = await restore('--dry-run');
  t.is(code, 1);
  t.regex(stdout, new RegExp(`^added      namespace ${further}$`, 'm'));
  t.regex(stdout, /^would be: 6 added, 0 changed, 1 unchanged, 2 left behind$/m);
  t.regex(stderr, /^left {7}function 1st\..*begins with a letter/m);
  t.is(await objects(), before);
});

test.serial('functions, secrets and namespaces are in the cluster as they were on the host', async (t) => {
  t.timeout(180_000);
  const { code, stdout, stderr } = await restore();
  t.log(stdout, stderr);
  t.is(code, 1);
  t.deepEqual(stderr.match(/^(left|failed) .*?:/gm), [
    `left       secret UPPER_CASE.${namespace}:`,
    `left       function 1st.${namespace}:`,
  ]);
  t.regex(stdout, /of the functions that were brought 2 ready, 1 asleep, 0 still being started/);
  for (const { name, namespace: of, ...fields } of sent) {
    const { text } = await until(async () => {
      const answer = await berth.api('GET', `/system/function/${name}?namespace=${of}`);
      return answer.status === 200 ? answer : undefined;
    });
    t.like(JSON.parse(text), { name, namespace: of, ...fields }, name);
  }
  const described = JSON.parse((await berth.api('GET', `/system/namespace/${further}`)).text) as object;
  t.like(described, { name: further, labels: { team: 'b' }, annotations: { why: 'more' } });
});

test.serial('they answer with their secrets, and the one that slept wakes', async (t) => {
  t.timeout(180_000);
  t.deepEqual(await call('whole', namespace, '/file/var/openfaas/secrets/odd'), odd);
  t.deepEqual(await call('whole', namespace, '/file/var/openfaas/secrets/none'), Buffer.alloc(0));
  t.is((await call('whole', namespace, '/env/GREETING')).toString().trim(), 'a $(B) "c"');
  t.regex((await call('worker', further)).toString(), /^house /);
  const replicas = (name: string, of: string) =>
    kubectl('get', 'deployment', name, '--namespace', of, '--output', 'jsonpath={.spec.replicas}');
  t.is(await replicas('worker', further), '2');
  t.is(await replicas('sleeper', namespace), '0');
  t.regex((await call('sleeper', namespace)).toString(), /^house /);
});

test.serial('a second restore changes nothing', async (t) => {
  const before = await objects();
  const { stdout } = await restore();
  t.regex(stdout, /^0 added, 0 changed, 7 unchanged, 2 left behind/m);
  t.is(await objects(), before);
});

test.serial('what the cluster has otherwise is named and kept, and replaced with --force alone', async (t) => {
  t.timeout(180_000);
  const { image } = sent[0] ?? { image: '' };
  const own = { service: 'sleeper', namespace, image, envVars: { OWN: '1' } };
  t.true((await berth.api('PUT', '/system/functions', own)).status < 300);
  const value = { name: 'none', namespace, value: 'own' };
  t.true((await berth.api('PUT', '/system/secrets', value)).status < 300);
  const before = await objects();
  const refused = await restore();
  t.is(refused.code, 1);
  t.is(
    refused.stderr,
    [
      `would be replaced: secret none.${namespace}\n`,
      `would be replaced: function sleeper.${namespace}\n`,
      'berth restore: nothing was restored, as the cluster has its own: --force replaces it\n',
    ].join(''),
  );
  t.is(await objects(), before);
  const { stdout } = await restore('--force', '--json');
  const { moved } = JSON.parse(stdout) as { moved: { name: string; action: string; state?: string }[] };
  const replaced = moved.filter(({ action }) => action === 'changed').map(({ name, state }) => ({ name, state }));
  t.deepEqual(replaced, [
    { name: 'none', state: undefined },
    { name: 'sleeper', state: 'asleep' },
  ]);
  await until(async () => {
    const { text } = await berth.api('GET', `/system/function/sleeper?namespace=${namespace}`);
    const { envVars, replicas } = JSON.parse(text) as { envVars?: object; replicas: number };
    return envVars === undefined && replicas === 0;
  });
  t.pass();
});

import test from 'ava';
import {
  deployCommand,
  deploymentFrom,
  draftOf,
  fieldOf,
  withImage,
} from '../../../../src/gateway/dashboard/browser/deployment-draft.ts';
import { deploymentOf, deploymentText, type FunctionDeployment } from '../../../../src/provider/index.ts';

const whole: FunctionDeployment = {
  name: 'orders',
  namespace: 'shop',
  image: 'ghcr.io/me/orders:1',
  envProcess: 'node index.js',
  envVars: { LINES: 'a\nb', EMPTY: '', EQUALS: 'a=b' },
  secrets: ['db'],
  constraints: ['node=pi'],
  labels: { 'com.openfaas.scale.min': '2', team: 'a b' },
  annotations: { topic: 'news,cron-function', schedule: '@hourly', 'com.openfaas.retry.codes': '', note: "it's" },
  limits: { memory: '64Mi', 'nvidia.com/gpu': '1' },
  requests: { cpu: '100m' },
  readOnlyRootFilesystem: true,
};

test('a function that is changed by the form in nothing stays as it is', (t) => {
  t.is(deploymentText(deploymentFrom(draftOf(whole))), deploymentText(whole));
  const least = { name: 'a', namespace: 'b', image: 'c' };
  const { labels, annotations, ...rest } = JSON.parse(
    JSON.stringify(deploymentFrom(draftOf(least))),
  ) as FunctionDeployment;
  t.deepEqual([rest, labels, annotations], [least, {}, {}]);
});

test('what berth puts into a status is not sent back', (t) => {
  const annotations = { 'com.openfaas.berth.status': 'not ready: x' };
  const draft = draftOf({ ...whole, labels: { faas_function: 'orders', x: 'y' }, annotations });
  t.deepEqual([draft.labels, draft.annotations], [[{ key: 'x', value: 'y' }], []]);
});

test('a setting that is taken out is gone, and a schedule has its topic', (t) => {
  const draft = draftOf({ ...whole, annotations: { topic: 'news' } });
  draft.settings = { 'com.openfaas.scale.min': '', schedule: '@daily' };
  draft.env = [
    { key: ' A ', value: ' b ' },
    { key: '', value: 'c' },
  ];
  const { labels, annotations, envVars } = deploymentFrom(draft);
  t.deepEqual(labels, { team: 'a b' });
  t.deepEqual(annotations, { topic: 'news,cron-function', schedule: '@daily' });
  t.deepEqual(envVars, { A: ' b ' });
});

test('faas-cli is given each value as one word', (t) => {
  t.is(
    deployCommand({ ...whole, envVars: { A: '$(reboot)' }, annotations: { note: "it's" } }),
    "faas-cli deploy --image ghcr.io/me/orders:1 --name orders --namespace shop --fprocess 'node index.js' --env 'A=$(reboot)'" +
      " --secret db --constraint node=pi --label com.openfaas.scale.min=2 --label 'team=a b' --annotation 'note=it'\\''s'" +
      ' --memory-limit 64Mi --cpu-request 100m --readonly',
  );
});

const refused: [field: string, body: object][] = [
  ['name', { service: 'UPPER' }],
  ['namespace', { namespace: 'UPPER' }],
  ['image', { image: '' }],
  ['image', { image: 'a b' }],
  ['env', { envVars: { 'a b': '' } }],
  ['secrets', { secrets: ['/'] }],
  ['labels', { labels: { a: 'b'.repeat(5000) } }],
  ['annotations', { annotations: { a: 'b'.repeat(300_000) } }],
  ['memoryLimit', { limits: { memory: 'much' } }],
  ['cpuRequest', { requests: { cpu: 'much' } }],
  ['com.openfaas.scale.min', { labels: { 'com.openfaas.scale.min': 'two' } }],
  ['schedule', { annotations: { topic: 'cron-function', schedule: 'soon' } }],
];
for (const [field, part] of refused) {
  test(`what is said of a deployment leads to its field: ${JSON.stringify(part).slice(0, 60)}`, (t) => {
    const error = t.throws(() => deploymentOf({ service: 'fn', image: 'image', ...part }, 'fn'));
    t.is(fieldOf(error?.message ?? ''), field, error?.message);
  });
}

test('what names no field leads to none', (t) => {
  t.is(fieldOf('function orders.shop exists already'), '');
  t.is(fieldOf(''), '');
});

test('a name that nobody has written is the one of the image', (t) => {
  const draft = draftOf({ name: '', namespace: 'openfaas-fn', image: '' });
  const named = (image: string, before = draft) => withImage(before, image).name;
  t.is(named('ghcr.io/openfaas/nodeinfo:latest'), 'nodeinfo');
  t.is(named('127.0.0.1:5000/me/_Hello_World_:1@sha256:abc'), 'hello-world');
  t.is(named(`${'x'.repeat(70)}`), 'x'.repeat(63));
  t.is(named('ghcr.io/'), '');
  t.is(named('b', withImage(draft, 'a')), 'b');
  t.is(named('b', { ...withImage(draft, 'a'), name: 'mine' }), 'mine');
  t.is(withImage(draft, 'a').image, 'a');
});

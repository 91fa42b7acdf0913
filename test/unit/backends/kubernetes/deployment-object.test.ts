import test from 'ava';
import {
  deploymentObject,
  networkPolicyObject,
  serviceObject,
} from '../../../../src/backends/kubernetes/deployment-object.ts';
import { versionsOf } from '../../../../src/backends/kubernetes/stored-version.ts';
import { BadRequestError, type FunctionDeployment } from '../../../../src/provider/index.ts';
import { deploymentOf, incarnation, settings, versionOf } from './cluster-objects.ts';

function specOf(fields: Partial<FunctionDeployment> = {}, more: object = {}) {
  const of = { incarnation, replicas: 1 };
  const object = deploymentObject({ current: versionOf('g1', fields) }, of, { ...settings, ...more });
  const spec = object.spec?.template.spec;
  const container = spec?.containers[0];
  if (!spec || !container) throw new Error('it has no container');
  return { object, spec, container };
}

const envOf = (fields: Partial<FunctionDeployment>) =>
  Object.fromEntries(specOf(fields).container.env?.map(({ name, value }) => [name, value]) ?? []);

test('what was sent is read back exactly, texts that no label can hold too', (t) => {
  const fields = {
    labels: { 'example.com/owner': 'somebody', odd: 'a value with blanks', '': 'none' },
    annotations: { json: '{"a": [1]}', 'no name/at all/': 'x' },
    envVars: { EMPTY: '' },
    limits: { memory: '64Mi', cpu: '100m' },
  };
  const current = versionOf('g2', fields);
  const previous = versionOf('g1');
  t.deepEqual(versionsOf(deploymentOf({ current, previous })), { current, previous });
});

test('where both versions are more than Kubernetes takes the one before is left out', (t) => {
  const envVars = { LONG: 'x'.repeat(130 * 1024) };
  const current = versionOf('g2', { envVars });
  t.deepEqual(versionsOf(deploymentOf({ current, previous: versionOf('g1', { envVars }) })), {
    current,
    previous: undefined,
  });
});

test('labels that Kubernetes does not take, and ours, are left out of it', (t) => {
  const { object } = specOf({
    labels: { good: 'yes', odd: 'two words', faas_function: 'other', 'app.kubernetes.io/managed-by': 'me' },
  });
  const own = { 'app.kubernetes.io/managed-by': 'berth', faas_function: 'echo', 'berth/incarnation': incarnation };
  t.deepEqual(object.metadata?.labels, { good: 'yes', ...own });
  t.deepEqual(object.spec?.template.metadata?.labels, { good: 'yes', ...own, 'berth/generation': 'g1' });
  t.deepEqual(object.spec?.selector.matchLabels, { faas_function: 'echo', 'berth/incarnation': incarnation });
});

test('one version makes the same Pods each time', (t) => {
  const fields = { secrets: ['a'], envVars: { B: '2', A: '1' } };
  t.deepEqual(specOf(fields).object.spec?.template, specOf(fields).object.spec?.template);
});

test('a function has no right that it does not need', (t) => {
  const { spec, container } = specOf();
  t.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: false,
    capabilities: { drop: ['ALL'] },
  });
  t.deepEqual(spec.securityContext, { seccompProfile: { type: 'RuntimeDefault' } });
  t.false(spec.automountServiceAccountToken);
  t.false(spec.enableServiceLinks);
});

test('capabilities are added as the annotation asks for them', (t) => {
  const { container } = specOf({ annotations: { 'com.openfaas.berth.capabilities': 'net_bind_service' } });
  t.deepEqual(container.securityContext?.capabilities, { drop: ['ALL'], add: ['NET_BIND_SERVICE'] });
});

test('a read-only root has a folder to write in', (t) => {
  const { spec, container } = specOf({ readOnlyRootFilesystem: true });
  t.true(container.securityContext?.readOnlyRootFilesystem);
  t.deepEqual(spec.volumes, [{ name: 'tmp', emptyDir: {} }]);
  t.deepEqual(container.volumeMounts, [{ name: 'tmp', mountPath: '/tmp' }]);
});

test('secrets are files of one volume, by their names', (t) => {
  const { spec, container } = specOf({ secrets: ['one', 'two'] });
  t.deepEqual(container.volumeMounts, [{ name: 'secrets', mountPath: '/var/openfaas/secrets', readOnly: true }]);
  t.deepEqual(
    spec.volumes?.[0]?.projected?.sources?.map(({ secret }) => secret),
    ['one', 'two'].map((name) => ({ name, items: [{ key: name, path: name }] })),
  );
});

test('a secret that is named twice is one file', (t) => {
  t.is(specOf({ secrets: ['one', 'one'] }).spec.volumes?.[0]?.projected?.sources?.length, 1);
});

test('no annotation loosens what the containers of a Pod may do', (t) => {
  const annotations = {
    'container.apparmor.security.beta.kubernetes.io/function': 'unconfined',
    'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
    'container.seccomp.security.alpha.kubernetes.io/function': 'unconfined',
    'prometheus.io/scrape': 'true',
  };
  const { metadata } = specOf({ annotations }).object.spec?.template ?? {};
  t.deepEqual(metadata?.annotations, { 'prometheus.io/scrape': 'true' });
});

test('variables are given as they are, fprocess over all', (t) => {
  const envVars = { A: '$(HOME), $B and $$', fprocess: 'other' };
  const { OPENFAAS_NAME, A, fprocess } = envOf({ envVars, envProcess: 'cat' });
  t.deepEqual([OPENFAAS_NAME, A, fprocess], ['echo', '$$(HOME), $$B and $$$$', 'cat']);
});

test('amounts go as they were sent, GPUs as limits alone', (t) => {
  const gpu = { 'nvidia.com/gpu': '1' };
  const { container } = specOf({ limits: { memory: '1Gi', ...gpu }, requests: { cpu: '0.5', ...gpu } });
  t.deepEqual(container.resources, { limits: { memory: '1Gi', ...gpu }, requests: { cpu: '0.5' } });
});

test('without a path a function is ready when its port is open, and is not replaced for its health', (t) => {
  const { readinessProbe, livenessProbe } = specOf().container;
  t.deepEqual(readinessProbe, {
    periodSeconds: 1,
    timeoutSeconds: 1,
    failureThreshold: 3,
    successThreshold: 1,
    tcpSocket: { port: 8080 },
  });
  t.is(livenessProbe, undefined);
});

test('probes ask for the paths of the annotations, in whole seconds', (t) => {
  const annotations = {
    'com.openfaas.health.http.path': '/_/health',
    'com.openfaas.health.http.periodSeconds': '2500ms',
    'com.openfaas.ready.http.path': '/_/ready?deep=1',
    'com.openfaas.ready.http.initialDelay': '1m',
  };
  const { readinessProbe, livenessProbe } = specOf({ annotations }).container;
  t.deepEqual(readinessProbe?.httpGet, { path: '/_/ready?deep=1', port: 8080 });
  t.is(readinessProbe?.initialDelaySeconds, 60);
  t.deepEqual(livenessProbe?.httpGet, { path: '/_/health', port: 8080 });
  t.is(livenessProbe?.periodSeconds, 3);
});

test('what a function says nothing of is as the settings say, and is not told as its own', (t) => {
  const defaults = {
    requests: { memory: '64Mi', cpu: '100m' },
    limits: { memory: '1Gi' },
    annotations: { 'com.openfaas.health.http.path': '/healthz', 'com.openfaas.health.http.initialDelay': '10m' },
  };
  const plain = specOf({}, { defaults });
  t.deepEqual(plain.container.resources, { requests: { memory: '64Mi', cpu: '100m' }, limits: { memory: '1Gi' } });
  t.deepEqual(plain.container.livenessProbe?.httpGet, { path: '/healthz', port: 8080 });
  t.true((plain.object.spec?.progressDeadlineSeconds ?? 0) > 600);
  t.false(JSON.stringify(plain.object.metadata?.annotations).includes('healthz'));
  const own = {
    limits: { memory: '32Mi' },
    annotations: { 'com.openfaas.health.http.path': '/_/health' },
  };
  const { container } = specOf(own, { defaults });
  t.deepEqual(container.resources, { requests: { cpu: '100m' }, limits: { memory: '32Mi' } });
  t.deepEqual(container.livenessProbe?.httpGet, { path: '/_/health', port: 8080 });
});

test('a Pod may end as long as its calls may take, and first answers on for a while', (t) => {
  t.is(specOf().spec.terminationGracePeriodSeconds, 32);
  t.is(specOf({ envVars: { write_timeout: '5m' } }).spec.terminationGracePeriodSeconds, 302);
  t.deepEqual(specOf().container.lifecycle, { preStop: { sleep: { seconds: 2 } } });
});

test('an update takes no replica away before the new one is ready', (t) => {
  t.deepEqual(specOf().object.spec?.strategy?.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
});

test('images are pulled as the annotation, the setting, or when they are not there', (t) => {
  const annotations = { 'com.openfaas.image.pull-policy': 'Never' };
  t.is(specOf().container.imagePullPolicy, 'IfNotPresent');
  t.is(specOf({}, { pullPolicy: 'Always' }).container.imagePullPolicy, 'Always');
  t.is(specOf({ annotations }, { pullPolicy: 'Always' }).container.imagePullPolicy, 'Never');
});

test('registry logins are those of the function and of the setting', (t) => {
  const annotations = { 'com.openfaas.image.pull-secret': 'mine' };
  t.deepEqual(specOf({ annotations }, { imagePullSecrets: ['all'] }).spec.imagePullSecrets, [
    { name: 'mine' },
    { name: 'all' },
  ]);
});

test('constraints are labels of nodes; what is none is refused', (t) => {
  t.deepEqual(specOf({ constraints: ['disk=ssd', 'kubernetes.io/arch == arm64'] }).spec.nodeSelector, {
    disk: 'ssd',
    'kubernetes.io/arch': 'arm64',
  });
  const error = t.throws(() => specOf({ constraints: ['node.role != manager'] }), { instanceOf: BadRequestError });
  t.regex(error.message, /constraint "node\.role != manager"/);
});

test('name servers and search domains are those of the annotations', (t) => {
  const servers = { 'com.openfaas.dns.servers': '10.0.0.2' };
  const { dnsPolicy, dnsConfig } = specOf({ annotations: servers }).spec;
  t.deepEqual([dnsPolicy, dnsConfig?.nameservers], ['None', ['10.0.0.2']]);
  t.is(specOf().spec.dnsConfig, undefined);
});

test('the Service has no address of its own, and goes with the Deployment', (t) => {
  const owner = deploymentOf({ current: versionOf('g1') });
  const { metadata, spec } = serviceObject(owner);
  t.is(spec?.clusterIP, 'None');
  t.deepEqual(spec?.selector, owner.spec?.selector.matchLabels);
  t.is(metadata?.ownerReferences?.[0]?.uid, owner.metadata?.uid);
});

test('functions are called by the gateway and by those that may', (t) => {
  const { spec } = networkPolicyObject('fns', 'berth');
  const from = spec?.ingress?.[0]?._from ?? [];
  t.deepEqual(from[0]?.namespaceSelector?.matchLabels, { 'kubernetes.io/metadata.name': 'berth' });
  const may = specOf({ annotations: { 'com.openfaas.network.allow': 'functions' } }).object.spec?.template.metadata;
  const [[key = '', value] = []] = Object.entries(from[1]?.podSelector?.matchLabels ?? {});
  t.is(may?.labels?.[key], value);
  t.is(specOf().object.spec?.template.metadata?.labels?.[key], undefined);
});

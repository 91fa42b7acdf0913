import test from 'ava';
import {
  clusterFacts,
  clusterStatus,
  servedVersion,
  updateFailure,
} from '../../../../src/backends/kubernetes/function-facts.ts';
import { versionsOf } from '../../../../src/backends/kubernetes/stored-version.ts';
import { containerStatus, deploymentOf, incarnation, podOf, readyStatus, versionOf } from './cluster-objects.ts';

const v1 = versionOf('g1', { labels: { version: 'first' } });
const v2 = versionOf('g2', { labels: { version: 'second' }, image: 'registry/echo:2' });
const versions = { current: v2, previous: v1 };
const known = { object: deploymentOf(versions), versions, incarnation };
const imageTrouble = containerStatus({
  image: 'registry/echo:2',
  state: { waiting: { reason: 'ErrImagePull', message: 'not found' } },
});

test('the version before is the one that is told while it alone takes calls', (t) => {
  t.is(servedVersion(versions, new Set(['g1'])), v1);
  t.is(servedVersion(versions, new Set(['g1', 'g2'])), v2);
  t.is(servedVersion(versions, new Set()), v2);
  t.is(servedVersion({ current: v2 }, new Set(['g0'])), v2);
});

test('a status is what was sent, with how many are wanted and take calls', (t) => {
  const status = clusterStatus(known, 1, new Set(['g2']));
  t.like(status, { name: 'echo', image: 'registry/echo:2', replicas: 1, availableReplicas: 1 });
  t.is(clusterStatus(known, 1, new Set(['g2'])), status);
  t.is(clusterStatus(known, 1, new Set(['g1'])).labels.version, 'first');
});

test('an update that fails leaves the old version and says why', (t) => {
  const pods = [podOf('old', 'g1', readyStatus), podOf('new', 'g2', imageTrouble)];
  const facts = clusterFacts(known, pods, { ready: new Set(['g1']), replicas: ['old'], warningOf: () => undefined });
  t.like(facts, { generation: 'g1', candidate: { generation: 'g2' }, ready: ['old'] });
  t.regex(facts.failedUpdate ?? '', /image registry\/echo:2 cannot be pulled/);
  t.is(facts.reason, undefined);
  t.is(facts.previous, undefined);
});

test('an update has failed when its Pods cannot start, the cluster makes none, or it is late; not while it starts', (t) => {
  const of = (status: object, pods = [podOf('old', 'g1', readyStatus)], ready = 'g1') =>
    updateFailure({ ...known, object: { ...known.object, status } }, pods, new Set([ready]));
  const starting = containerStatus({ state: { running: {} } });
  t.regex(of({}, [podOf('new', 'g2', imageTrouble)]) ?? '', /cannot be pulled/);
  t.regex(of({ conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] }) ?? '', /quota/);
  t.regex(of({ conditions: [{ type: 'Progressing', reason: 'ProgressDeadlineExceeded' }] }) ?? '', /start_timeout/);
  t.is(of({}, [podOf('new', 'g2', starting)]), undefined);
  t.is(of({}, [podOf('new', 'g2', imageTrouble)], 'g2'), undefined);
});

test('an update that was given up is told with its reason', (t) => {
  const given = { current: v1, failedUpdate: 'image cannot be pulled' };
  const object = deploymentOf(given);
  t.deepEqual(versionsOf(object), { ...given, previous: undefined });
  const source = { ready: new Set<string>(), replicas: [], warningOf: () => undefined };
  const facts = clusterFacts({ object, versions: given, incarnation }, [], source);
  t.like(facts, { generation: 'g1', failedUpdate: 'image cannot be pulled', candidate: undefined });
});

test('a version that takes calls has one before it to go back to', (t) => {
  const facts = clusterFacts(known, [podOf('new', 'g2', readyStatus)], {
    ready: new Set(['g2']),
    replicas: ['new'],
    warningOf: () => undefined,
  });
  t.like(facts, { generation: 'g2', previous: { generation: 'g1' }, reason: undefined });
  t.is(facts.candidate, undefined);
});

test('what never was ready says why', (t) => {
  const first = { ...known, versions: { current: v2 } };
  const facts = clusterFacts(first, [podOf('new', 'g2', imageTrouble)], {
    ready: new Set(),
    replicas: [],
    warningOf: () => undefined,
  });
  t.regex(facts.reason ?? '', /cannot be pulled/);
});

test('why there are no Pods at all is told, such as a quota', (t) => {
  const condition = { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' };
  const object = { ...known.object, status: { conditions: [condition] } };
  const facts = clusterFacts({ ...known, object }, [], { ready: new Set(), replicas: [], warningOf: () => undefined });
  t.regex(facts.reason ?? '', /exceeded quota/);
});

test('what a Pod does not say of itself is told as the cluster warns of it', (t) => {
  const waiting = containerStatus({ state: { waiting: { reason: 'ContainerCreating' } } });
  const warningOf = (pod: string) => (pod === 'new' ? 'the cluster says FailedMount: secret not found' : undefined);
  const first = { ...known, versions: { current: v2 } };
  const facts = clusterFacts(first, [podOf('new', 'g2', waiting)], { ready: new Set(), replicas: [], warningOf });
  t.regex(facts.reason ?? '', /FailedMount: secret not found/);
});

test('a process that ends again and again is the reason, also while it runs and its probe fails', (t) => {
  const lastState = { terminated: { exitCode: 3, finishedAt: new Date(1000) } };
  const again = containerStatus({ state: { running: { startedAt: new Date(2000) } }, lastState });
  const warningOf = () => 'the cluster says Unhealthy: connection refused';
  const first = { ...known, versions: { current: v2 } };
  const facts = clusterFacts(first, [podOf('new', 'g2', again)], { ready: new Set(), replicas: [], warningOf });
  t.regex(facts.reason ?? '', /process ended: with exit code 3.*started again; the cluster says Unhealthy/);
});

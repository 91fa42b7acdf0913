/**
 * Power cuts at random moments of deploys and updates. After each boot every function is back without a request and as it
 * was, what was answered for is there, what was under way is absent, old or new, and nothing is left over. See machine.ts.
 *
 *   power-cut.ts [CUTS]   5 unless said
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry } from '../../helpers/registry.ts';
import { type Deployment, holds, Machine } from './machine.ts';

const cuts = Number(process.argv[2] ?? 5);
const secondNamespace = 'second-ns';

await using registry = await startRegistry();
const machine = await Machine.up('soak');
const host = { name: '' };

/** An image of its own, with a file whose content is new each time. */
async function newImage(version: string): Promise<{ reference: string; data: string }> {
  const data = randomBytes(150_000).toString('hex');
  const env = [`VERSION=${version}`];
  const image = await functionImage(registry, { tag: version, env, layers: [{ data }] });
  return { reference: image.reference.replace(registry.host, host.name), data };
}

const slowly = { timeoutMs: 240_000, intervalMs: 500, message: 'the new version to serve' };

/** The version that answers a call. */
async function servedBy(name: string): Promise<string | undefined> {
  return (await machine.invoke(name)).text.split(' ')[0];
}

/** What a call of each kept function must answer. */
const kept = new Map<string, { deployment: Deployment; version: string }>();

async function keep(deployment: Deployment, version: string): Promise<void> {
  await machine.deploy('POST', deployment);
  kept.set(deployment.service, { deployment, version });
}

async function prepare(): Promise<void> {
  await machine.installBerth();
  host.name = await machine.reachRegistry(registry);
  const { reference: image } = await newImage('v0');
  const namespace = secondNamespace;
  await machine.ask('POST', '/system/namespace/', { name: namespace, labels: { openfaas: '1' } });
  await machine.ask('POST', '/system/secrets', { name: 'token', value: 'a secret' });
  await keep({ service: 'plain', image }, 'v0');
  await keep({ service: 'secretive', image, secrets: ['token'] }, 'v0');
  await keep({ service: 'twice', image, labels: { 'com.openfaas.scale.min': '2' } }, 'v0');
  await keep({ service: 'elsewhere', image, namespace, envVars: { PLACE: 'second' } }, 'v0');
  await keep({ service: 'changing', image }, 'v0');
  await machine.deploy('POST', { service: 'asleep', image });
  await machine.ask('POST', '/system/scale-function/asleep', { serviceName: 'asleep', replicas: 0 });
}

interface Change {
  name: string;
  version: string;
  data: string;
  /** Status of the answer, when there was one before the cut. */
  answered?: number;
}

/** Sends a deploy or an update and cuts the power `afterMs` later, or at its answer. */
async function cutDuring(method: 'POST' | 'PUT', name: string, version: string, afterMs?: number): Promise<Change> {
  const { reference: image, data } = await newImage(version);
  const change: Change = { name, version, data };
  const sent = machine.api(method, '/system/functions', { service: name, image }).then(
    ({ status }) => (change.answered = status),
    () => undefined,
  );
  await (afterMs === undefined ? sent : sleep(afterMs));
  const seen = change.answered;
  await machine.cutPower();
  await sent;
  return { ...change, answered: seen };
}

/** How long an update takes here, from its request to the new version's first answer. */
async function updateMs(): Promise<number> {
  const { reference: image } = await newImage('measured');
  const start = performance.now();
  await machine.ask('PUT', '/system/functions', { service: 'changing', image });
  await until(async () => (await servedBy('changing')) === 'measured', slowly);
  kept.set('changing', { deployment: { service: 'changing', image }, version: 'measured' });
  return performance.now() - start;
}

/** Fails unless all kept functions answer as before. Nothing was asked of them since the boot. */
async function allAreBack(): Promise<number> {
  const start = performance.now();
  for (const { deployment, version } of kept.values()) {
    const { service: name, namespace = 'openfaas-fn', secrets = [], envVars = {} } = deployment;
    await machine.ready(name, namespace);
    const path = `${name}.${namespace}`;
    assert.match((await machine.invoke(path)).text, new RegExp(`^${version} `), `${name} answers`);
    for (const secret of secrets) {
      assert.equal((await machine.invoke(`${path}/file/var/openfaas/secrets/${secret}`)).text, 'a secret');
    }
    for (const [key, value] of Object.entries(envVars)) {
      assert.equal((await machine.invoke(`${path}/env/${key}`)).text, `${value}\n`);
    }
  }
  const sleeper = await machine.status('asleep');
  assert.equal(sleeper?.availableReplicas, 0, 'the sleeper sleeps on');
  return Math.round(performance.now() - start);
}

/** What became of the change; anything but absent, old and new is a failure. */
async function outcomeOf({ name, version, data, answered }: Change): Promise<'absent' | 'old' | 'new'> {
  const status = await machine.status(name);
  if (status === undefined) {
    assert.ok(!kept.has(name) && (answered ?? 400) >= 400, `${name} was answered for with ${answered} and is lost`);
    return 'absent';
  }
  // An update that was cut goes on after the boot; its version is a candidate until it has served or failed.
  const record = `/var/lib/berth/functions/openfaas-fn/${name}.json`;
  await until(async () => !(await machine.run(`cat ${record}`)).includes('"candidate"'), slowly);
  const old = kept.get(name)?.version;
  await machine.ready(name);
  if (answered !== undefined && answered < 300) await until(async () => (await servedBy(name)) === version, slowly);
  const served = await servedBy(name);
  if (served === old) return 'old';
  assert.equal(served, version);
  const { text } = await machine.invoke(`${name}/file/data`);
  assert.ok(text === data, `the image's file has ${text.length} of ${data.length} bytes, or others`);
  kept.set(name, { deployment: { service: name, image: status.image }, version });
  return 'new';
}

/** Network namespaces that are kept ready for replicas to come: the default of `networks_ready`. */
const networksReady = 2;

/** Replicas have each one container, one network namespace, one address, and nothing else is there but what is kept ready. */
async function nothingIsLeft(): Promise<string> {
  const wanted = [...kept.values()].length + 2; // one more replica of twice, and the sleeper's record
  const counts = await until(
    async () => {
      const counted = await machine.run(`
        containers=0; extracting=0
        for namespace in openfaas-fn ${secondNamespace}; do
          containers=$((containers + $(ctr -n $namespace containers ls -q | wc -l)))
          extracting=$((extracting + $(ctr -n $namespace snapshots ls | grep -c extract- || true)))
        done
        # A pull that was cut keeps what it has for a day, to go on from there.
        ctr -n openfaas-fn leases ls -q | grep -q '^berth-pull-' && extracting=0
        leases=$(ctr -n openfaas-fn leases ls -q | grep -vc '^berth-pull-' || true)
        netns=$(ls /run/netns | wc -l)
        ports=$(ls /sys/class/net/openfaas0/brif | wc -l)
        half=$(find /var/lib/berth -name '.tmp-*' | wc -l)
        echo $containers $netns $ports $leases $extracting $half`);
      const [containers, netns = 0, ...others] = counted.trim().split(' ').map(Number);
      const [ports, ...leftovers] = others;
      const replicas =
        containers === wanted && netns === ports && netns >= wanted - 1 && netns <= wanted + networksReady;
      if (replicas && leftovers.every((count) => count === 0)) return counted.trim();
      throw new Error(
        `containers, netns, ports, leases, half-unpacked, half-written: ${counted.trim()}; wanted ${wanted}`,
      );
    },
    { timeoutMs: 120_000, intervalMs: 3000, message: 'a host without leftovers' },
  );
  return counts;
}

try {
  await prepare();
  const tookMs = await updateMs();
  console.log(`6 functions, an update takes ${Math.round(tookMs)} ms`);
  for (let i = 1; i <= cuts; i++) {
    const updates = i % 2 === 1;
    const [method, name] = updates ? (['PUT', 'changing'] as const) : (['POST', `new-${i}`] as const);
    const afterMs = i % 3 === 1 ? undefined : Math.round(Math.random() * 1.2 * tookMs);
    const change = await cutDuring(method, name, `v${i}`, afterMs);
    const healthyMs = await machine.boot();
    const outcome = await outcomeOf(change);
    const backMs = await allAreBack();
    const counts = await nothingIsLeft();
    const moment = afterMs === undefined ? 'at the answer' : `after ${afterMs} ms`;
    const answered = change.answered === undefined ? '' : ` (answered ${change.answered})`;
    holds(`cut ${i}: ${method} ${name}, ${moment}${answered}: ${outcome}; healthy ${healthyMs} ms after power-on,`);
    console.log(`    all functions called ${backMs} ms later; containers, netns, ports and leftovers: ${counts}`);
  }
} catch (error) {
  console.error(
    await machine.run('journalctl --boot --identifier berth --output short-monotonic --no-pager | tail -n 40'),
  );
  throw error;
} finally {
  await machine.down();
}

import test from 'ava';
import { busyboxImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { callOf, deploy } from '../lifecycle/setup.ts';
import { replicasOf, startHost, statusOf, untilStatus, type TestHost } from '../functions/setup.ts';

const limit = 'com.openfaas.berth.disk-limit';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost({ rootMebibytes: 192, env: { disk_limit: '24Mi' } });
  // Writes as many MiB as its query says.
  const fill =
    '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nhead -c "${QUERY_STRING}m" /dev/zero >>/var/fill && echo written\n';
  const layers = [{ 'www/cgi-bin/fill': { content: Buffer.from(fill), mode: 0o755 }, 'var/keep': '' }];
  image = (await busyboxImage(host.registry, { name: 'filler', layers })).reference;
});
test.after.always(async () => {
  await host?.stop();
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-6000));
});

const fill = (name: string, mebibytes: number) => host.berth.invoke(`${name}/cgi-bin/fill?${mebibytes}`);

/** Has it write more than it may: its answer is cut off where it is ended in the middle of it. */
const overfill = (name: string, mebibytes: number) => fill(name, mebibytes).catch(() => undefined);

/** Waits until the function has lost a replica for its disk, and gives its status. */
const untilReplaced = (name: string, restarts = 1) =>
  untilStatus(host.berth, name, (status) => (status.berth.restarts ?? 0) >= restarts);

test.serial('a replica that takes more disk than it may is replaced, with the reason in its status', async (t) => {
  const { berth, containerd } = host;
  await deploy(berth, { service: 'eater', image, annotations: { [limit]: '8Mi' } });
  await deploy(berth, { service: 'neighbour', image });
  const [before] = await replicasOf(containerd, 'eater');
  await fill('eater', 4);
  await fill('neighbour', 16);
  await overfill('eater', 8);
  const { berth: facts } = await untilReplaced('eater');
  t.regex(facts.lastExit ?? '', /took more than 8Mi of disk, raise com\.openfaas\.berth\.disk-limit/);
  await until(() => callOf(berth, 'eater').catch(() => undefined), { timeoutMs: 30_000 });
  const after = await until(async () => {
    const ids = await replicasOf(containerd, 'eater');
    return ids.length === 0 || ids.includes(before ?? '') ? undefined : ids;
  });
  t.is(after.length, 1);
  const snapshots = await containerd.ctr('-n', 'openfaas-fn', 'snapshots', 'list');
  t.false(snapshots.includes(before ?? 'none'), 'what it took is given back');
  t.is((await statusOf(berth, 'neighbour')).berth.restarts, 0, 'what is below the limit stays');
});

test.serial('the setting holds where there is no annotation, a full disk is looked at at once', async (t) => {
  const { berth } = host;
  await overfill('neighbour', 150);
  const { berth: facts } = await untilReplaced('neighbour');
  t.regex(facts.lastExit ?? '', /took more than 24Mi of disk/);
  await until(() => callOf(berth, 'neighbour').catch(() => undefined), { timeoutMs: 30_000 });
  await deploy(berth, { service: 'free', image, annotations: { [limit]: '0' } });
  await fill('free', 40);
  // It is looked at in the same round as one that is over its limit.
  await overfill('neighbour', 30);
  await untilReplaced('neighbour', 2);
  t.is((await statusOf(berth, 'free')).berth.restarts, 0);
});

test.serial('an amount that cannot be read is refused', async (t) => {
  for (const amount of ['much', '-1', '8MiB', '9'.repeat(70)]) {
    const body = { service: 'wrong', image, annotations: { [limit]: amount } };
    const { status, text } = await host.berth.api('POST', '/system/functions', body);
    t.is(status, 400, amount);
    t.regex(text, /disk-limit .*cannot be read: write an amount such as 2Gi/);
  }
});

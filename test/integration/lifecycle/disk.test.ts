import { randomBytes } from 'node:crypto';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startHost, type TestHost } from '../functions/setup.ts';
import { deploy, remove, update } from './setup.ts';

/** 30 by test/soak/lifecycle.sh. */
const updates = Number(process.env.BERTH_TEST_UPDATES ?? 6);
const layerMegabytes = 20;

let host: TestHost;
test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (t.passed) return;
  const left = [
    ['images', 'ls'],
    ['containers', 'ls'],
    ['leases', 'ls'],
    ['snapshots', 'ls'],
    ['content', 'ls'],
  ];
  for (const args of left) t.log(await host.containerd.ctr('-n', 'openfaas-fn', ...args));
  t.log((await host.berth.log()).slice(-8000));
});

async function version(round: number): Promise<string> {
  const layer = { data: randomBytes(layerMegabytes * 1024 * 1024) };
  return (await functionImage(host.registry, { tag: `v${round}`, env: [`VERSION=${round}`], layers: [layer] }))
    .reference;
}

/** Fails where a file goes away under it. */
async function duMegabytes(): Promise<number> {
  return Number((await run('du', ['-sm', host.containerd.root])).stdout.split('\t')[0]);
}

const usedMegabytes = () => until(duMegabytes, { message: 'du' });

/** Waits until the disk holds no more than that, and containerd's own records. */
async function untilUsed(megabytes: number): Promise<number> {
  const bound = megabytes + layerMegabytes / 4;
  return until(
    async () => {
      const used = await usedMegabytes();
      return used <= bound ? used : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 500, message: `no more than ${bound} MB to be used` },
  );
}

async function imagesOf(tag: string): Promise<string[]> {
  const names = await host.containerd.ctr('-n', 'openfaas-fn', 'images', 'ls', '-q');
  return names.split('\n').filter((name) => name.includes(tag));
}

test.serial(
  `after ${updates} updates with a new layer of ${layerMegabytes} MB each, the disk holds no more than two versions`,
  async (t) => {
    t.timeout(600_000);
    const { berth } = host;
    const emptyMegabytes = await usedMegabytes();
    await deploy(berth, { service: 'heavy', image: await version(0) });
    // A version is there twice: its compressed layers, to be read again, and its files.
    const oneMegabytes = (await usedMegabytes()) - emptyMegabytes;
    for (let round = 1; round <= updates; round += 1) {
      await update(berth, { service: 'heavy', image: await version(round) });
    }
    const used = await untilUsed(emptyMegabytes + 2 * oneMegabytes);
    console.log(`${emptyMegabytes} MB empty, ${oneMegabytes} MB a version, ${used} MB after ${updates} updates`);
    t.deepEqual(await imagesOf('v0'), []);
    t.is((await imagesOf(`v${updates}`)).length, 1);
    t.is((await imagesOf(`v${updates - 1}`)).length, 1, 'the previous one is kept for rollback');

    await remove(berth, 'heavy');
    await untilUsed(emptyMegabytes);
  },
);

test.serial(
  'a function that was deployed once gives its disk back when it is removed, though nothing else happens',
  async (t) => {
    const { berth } = host;
    const emptyMegabytes = await usedMegabytes();
    await deploy(berth, { service: 'single', image: await version(1000) });
    t.true((await usedMegabytes()) >= emptyMegabytes + 2 * layerMegabytes);
    await remove(berth, 'single');
    await untilUsed(emptyMegabytes);
  },
);

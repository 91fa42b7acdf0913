import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { until } from '../../helpers/poll.ts';
import { functionImage } from '../../helpers/functions.ts';
import { leftovers, untilNothingIsLeft } from '../../helpers/leftovers.ts';
import { run } from '../../helpers/processes.ts';
import { startHost, wholeLog, type TestHost } from '../functions/setup.ts';
import { ask, callOf, deploy, remove } from '../lifecycle/setup.ts';
import { callAll } from './soak-calls.ts';
import { changes, deployment, diskFaults, hostFaults, kills, type Fault, type SoakWorld } from './soak-faults.ts';
import { SoakJournal } from './soak-journal.ts';

/** 600 by test/soak/all-at-once.sh. */
const seconds = Number(process.env.BERTH_TEST_SOAK_SECONDS ?? 12);
const names = Array.from({ length: 10 }, (_, index) => `soak-${index}`);

let host: TestHost;
let disks: string;
test.before(async () => {
  disks = await mkdtemp(join(tmpdir(), 'disks-'));
  for (const name of ['data', 'log']) {
    await mkdir(join(disks, name));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', join(disks, name)]);
  }
  await run('iptables', ['-P', 'FORWARD', 'DROP']);
  host = await startHost({ env: { ...folders(), networks_ready: '2' } });
});
test.after.always(async () => {
  await host?.stop();
  for (const name of ['data', 'log']) await run('umount', ['--lazy', join(disks, name)]);
  await rm(disks, { recursive: true, force: true });
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await wholeLog(host.berth)).slice(-12_000));
});

function folders(): Record<string, string> {
  return { data_dir: join(disks, 'data'), log_dir: join(disks, 'log') };
}

/** Each in turn, again and again until the time is over and each was once. */
async function inTurn(faults: Fault[], world: SoakWorld, pauseMs: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  for (let round = 0; round < faults.length || performance.now() < endMs; round += 1) {
    await faults[round % faults.length]?.(world, Math.floor(round / faults.length));
    await sleep(pauseMs);
  }
}

async function holdings(pid: number): Promise<{ files: number; megabytes: number }> {
  const files = (await readdir(`/proc/${pid}/fd`)).length;
  const kilobytes = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { files, megabytes: Math.round(Number(kilobytes) / 1024) };
}

/** Files of writes that broke off. */
async function temporaryFiles(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.includes('.tmp-'));
}

test.serial(
  `${seconds} s of all faults at once fail only the calls that they must, and leave nothing behind`,
  async (t) => {
    t.timeout((seconds + 300) * 1000);
    const { berth, containerd, registry } = host;
    const { reference: image } = await functionImage(registry);
    const journal = new SoakJournal();
    const world: SoakWorld = { host, journal, names, image, disks };
    await ask(berth, 'POST', '/system/secrets', { name: 'key', value: 'first' });
    await Promise.all(names.map((name) => deploy(berth, deployment(world, name))));
    const stop = callAll(berth, names, 100, journal);
    const began = await holdings(berth.pid);
    await Promise.all([
      inTurn(hostFaults, world, 1000),
      inTurn(kills, world, 2000),
      inTurn(diskFaults, world, 3000),
      inTurn(changes, world, 200),
    ]);
    const figures = await stop();
    const ended = await holdings(berth.pid);
    console.log(journal.table);
    console.log(JSON.stringify({ ...figures, failures: journal.failures.length, began, ended }));
    t.deepEqual(journal.problems, []);
    t.deepEqual(journal.unexplained, []);

    for (const name of names) {
      // The last fault may have been the daemon's end, which closes kept connections.
      await until(() => callOf(berth, name).catch(() => undefined), { message: `${name} to answer` });
      const [value, wanted] = await Promise.all([
        callOf(berth, `${name}/file/var/openfaas/secrets/key`),
        Promise.resolve(`value-${Math.floor(journal.faults.filter(({ target }) => target === 'secret').length - 1)}`),
      ]);
      t.is(value, wanted, name);
    }
    await Promise.all(names.map((name) => remove(berth, name)));
    // But for the networks that are kept ready.
    await untilNothingIsLeft(async () => {
      return { ...(await leftovers(containerd, berth)), netns: [], veths: [], addresses: [], attachments: [] };
    });
    const left = await holdings(berth.pid);
    console.log(JSON.stringify({ left }));
    t.true(left.files <= began.files, JSON.stringify({ began, left }));
    t.true(left.megabytes < began.megabytes + 100, JSON.stringify({ began, left }));
    await berth.kill('SIGKILL');
    await berth.start({ env: { ...folders(), networks_ready: '0' } });
    await untilNothingIsLeft(() => leftovers(containerd, berth));
    t.deepEqual(await temporaryFiles(disks), []);
  },
);

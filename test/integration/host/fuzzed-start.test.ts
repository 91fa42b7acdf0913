import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { functionImage } from '../../helpers/functions.ts';
import { startBerth, type TestBerth } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry } from '../../helpers/registry.ts';
import { apiRequest } from '../../unit/fuzz/api-texts.ts';
import { handlerAsker } from '../../unit/fuzz/ask-handlers.ts';
import { dataFolder } from '../../unit/fuzz/data-folder.ts';
import { wholeLog } from '../functions/setup.ts';

/** 100 by hand: the 100 000 cases of the unit test. */
const rounds = Number(process.env.BERTH_TEST_FUZZED_STARTS ?? 2);
const casesPerRound = 1000;

test.serial(
  `a daemon serves what ${rounds} times ${casesPerRound} requests with any texts have gathered`,
  async (t) => {
    t.timeout(1_200_000);
    await using containerd = await startContainerd();
    await using registry = await startRegistry();
    const folder = await mkdtemp(join(tmpdir(), 'fuzzed-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const env = { data_dir: join(folder, 'data'), hosts_dir: join(folder, 'hosts') };
    const image = await functionImage(registry, { name: 'library/fn', tag: '1' });
    await mkdir(join(env.hosts_dir, 'docker.io'), { recursive: true });
    const mirror = `[host."${registry.url}"]\ncapabilities = ["pull", "resolve"]\n`;
    await writeFile(join(env.hosts_dir, 'docker.io/hosts.toml'), mirror);

    const { folder: gathered, provider, remove } = await dataFolder(image.digest);
    t.teardown(remove);
    const ask = handlerAsker(provider);
    await provider.deploy?.({ name: 'control', namespace: 'openfaas-fn', image: 'fn:1' });
    let berth: TestBerth | undefined;
    try {
      for (let round = 0; round < rounds; round += 1) {
        for (const request of fc.sample(apiRequest, { numRuns: casesPerRound })) await ask(request);
        await rm(env.data_dir, { recursive: true, force: true });
        await cp(gathered, env.data_dir, { recursive: true });
        if (berth) await berth.start();
        else berth = await startBerth({ containerd, env });
        await serves(berth);
        await berth.kill('SIGKILL');
      }
      const complaints =
        (berth ? await wholeLog(berth) : '').match(/.*(cannot read|could not read|not valid).*/g) ?? [];
      t.deepEqual(complaints, []);
    } finally {
      await berth?.stop();
    }

    async function serves(daemon: TestBerth) {
      await until(async () => (await daemon.invoke('control')).status === 200, {
        timeoutMs: 30_000,
        message: 'control',
      });
      for (const namespace of (await provider.namespaces?.list()) ?? []) {
        const { status, text } = await daemon.api('GET', `/system/functions?namespace=${namespace}`);
        const names = (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
        const wanted = (await provider.list(namespace)).map(({ name }) => name);
        t.is(status, 200);
        t.deepEqual(names.sort(), wanted.sort());
      }
    }
  },
);

import { randomBytes } from 'node:crypto';
import { startContainerd, type TestContainerd } from '../helpers/containerd.ts';
import { buildImage, type Layer } from '../helpers/images.ts';
import { run } from '../helpers/processes.ts';
import { startRegistry } from '../helpers/registry.ts';
import { imagesOn } from '../integration/images/setup.ts';
import { timed } from './figures.ts';
import type { Bench } from './world.ts';

const group = 'pull';
const layerCount = 10;
const layerMegabytes = 20;

/** Pulls an image of ten layers as a deployment does, and as ctr does, each time into an empty store. */
export async function benchPull(bench: Bench): Promise<void> {
  await using containerd = await startContainerd();
  await using registry = await startRegistry();
  bench.say('an image of 200 MB is made');
  const layers = Array.from({ length: layerCount }, (_, i) => layerOf(i));
  const { reference } = await buildImage({ registry, name: 'large', layers });
  const under = await imagesOn(containerd.address);
  const pulls = {
    'ctr pull': () => containerd.ctr('-n', 'theirs', 'images', 'pull', '--plain-http', reference),
    // As berth does it on every line of containerd: from outside, and with the layers on the disk at its end.
    'ctr pull --local + sync': async () => {
      await containerd.ctr('-n', 'theirs', 'images', 'pull', '--local', '--plain-http', reference);
      await run('sync', ['--file-system', containerd.root]);
    },
    berth: () => under.images.ensure('ours', reference),
  };
  for (const namespace of ['ours', 'theirs']) await containerd.ctr('namespaces', 'create', namespace);
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) {
    for (const [name, pull] of Object.entries(pulls)) {
      bench.say(`pull, round ${round + 1}, ${name}`);
      bench.figures.add(group, '200 MB in 10 layers', 'ms', name, await timed(pull));
      for (const namespace of ['ours', 'theirs']) await removeImages(containerd, namespace);
    }
  }
  await under.close();
}

/** Files that shrink to about half: random bytes, each twice. */
function layerOf(index: number): Layer {
  const layer: Layer = {};
  for (let i = 0; i < layerMegabytes; i++) {
    layer[`layer-${index}/file-${i}`] = { content: randomBytes(512 * 1024).toString('hex') };
  }
  return layer;
}

/** With what is unpacked of them; containerd clears that away before it answers. */
async function removeImages(containerd: TestContainerd, namespace: string): Promise<void> {
  const names = (await containerd.ctr('-n', namespace, 'images', 'list', '--quiet')).split('\n').filter(Boolean);
  if (names.length > 0) await containerd.ctr('-n', namespace, 'images', 'remove', '--sync', ...names);
}

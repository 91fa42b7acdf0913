/** docs/kubernetes.md, followed from a cluster that has never had berth to the first answer of a function. */
import { spawn } from 'node:child_process';
import { cp, link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { functionImage } from '../helpers/functions.ts';
import { backedUp, recordFile } from '../helpers/house.ts';
import { labRegistry } from '../helpers/kubernetes-lab/registry.ts';
import { until } from '../helpers/poll.ts';
import { endProcess, run } from '../helpers/processes.ts';
import { kubectl, labFolder, nodeName } from './cluster.ts';

const checkout = join(import.meta.dirname, '../..');
/** The image is made where packages can be fetched: by test/run, with the same command. */
const [imageCommand, imageFile] = ['sh install.sh image berth.tar\n', join(labFolder, 'berth.tar')];

/** The commands of a section, by block, with the cluster's registry in the place of the reader's. */
async function commandsOf(title: string): Promise<string[]> {
  const text = await readFile(join(checkout, 'docs/kubernetes.md'), 'utf8');
  const [, section = ''] = new RegExp(`\\n## ${title}\\n(.*?)\\n## `, 's').exec(text) ?? [];
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = '']) => commands);
  return blocks.map((commands) => commands.replaceAll('registry.example.com', labRegistry.host));
}

/** What the reader has: a checkout with the image in it, and a registry that skopeo knows. */
async function makeWorkplace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'install-'));
  await cp(join(checkout, 'docs/kubernetes'), join(folder, 'docs/kubernetes'), { recursive: true });
  await link(imageFile, join(folder, 'berth.tar')).catch(() => cp(imageFile, join(folder, 'berth.tar')));
  const settings = join(folder, '.config/containers');
  await mkdir(settings, { recursive: true });
  await writeFile(
    join(settings, 'registries.conf'),
    `[[registry]]\nlocation = "${labRegistry.host}"\ninsecure = true\n`,
  );
  return folder;
}

/** A volume, which this cluster makes none of by itself. */
async function makeVolume(folder: string): Promise<void> {
  const path = '/var/lib/berth-volume';
  await mkdir(path);
  const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] }];
  const spec = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    local: { path },
    nodeAffinity: { required: { nodeSelectorTerms: terms } },
  };
  const file = join(folder, 'volume.json');
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'berth' }, spec }),
  );
  await kubectl('apply', '--filename', file);
}

test('docs/kubernetes.md leads from an empty cluster to the first answer', async (t) => {
  t.timeout(300_000);
  const [image = '', install = '', forward = '', first = ''] = await commandsOf('Install');
  t.true(image.startsWith(imageCommand));
  const { reference } = await functionImage(labRegistry, { name: 'hello', env: ['VERSION=hello'] });
  const folder = await makeWorkplace();
  t.teardown(() => rm(folder, { recursive: true }));
  await makeVolume(folder);
  // It would scale the functions of other tests.
  t.teardown(() => kubectl('delete', 'namespace', 'berth', '--ignore-not-found'));
  const env = { ...process.env, HOME: folder };
  const follow = async (commands: string) =>
    (await run('bash', ['-euo', 'pipefail', '-c', commands], { cwd: folder, env, timeout: 90_000 })).stdout;

  await follow(image.slice(imageCommand.length));
  await follow(install).catch(async (error: unknown) => {
    t.log(await kubectl('--namespace', 'berth', 'describe', 'pods'));
    t.log(await kubectl('--namespace', 'berth', 'logs', 'deployment/berth').catch(String));
    throw error;
  });
  const forwarding = spawn('bash', ['-c', `exec ${forward}`], { cwd: folder, env, stdio: 'inherit' });
  t.teardown(() => endProcess(forwarding));
  await until(async () => (await fetch('http://127.0.0.1:8080/healthz')).ok, { message: 'the API' });
  const answer = await follow(first).catch(async (error: unknown) => {
    t.log(await kubectl('--namespace', 'berth', 'logs', 'deployment/berth').catch(String));
    t.log(await kubectl('get', 'pods,events', '-A'));
    throw error;
  });
  t.regex(answer, /^hello /m);

  // The backup is made here and not on a host.
  const [, move = ''] = await commandsOf('Moving house');
  const moveHouse = async (namespace: string) => {
    const moved = { name: 'moved', namespace, image: reference, secrets: ['key'] };
    const { file, remove } = await backedUp({ ...recordFile(moved), [`data/secrets/${namespace}/key`]: 'x' });
    await cp(file, join(folder, 'house.backup'));
    await remove();
    return follow(move).catch((error: Error & { stdout?: string; stderr?: string }) => {
      return `${error.stdout}${error.stderr}`;
    });
  };
  const said = await moveHouse('openfaas-fn');
  t.log(said);
  t.regex(said, /^would be: 2 added/m);
  t.regex(said, /1 ready, 0 asleep, 0 still being started/);
  t.regex(await (await fetch('http://127.0.0.1:8080/function/moved')).text(), /^hello /);
  // The manifest lets berth make no namespaces, and what to do is said.
  t.regex(
    await moveHouse('further'),
    /failed {5}namespace further: .*does not allow it.*kubectl create namespace further/,
  );
});

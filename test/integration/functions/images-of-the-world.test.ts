import { arch } from 'node:os';
import test from 'ava';
import { busyboxImage, functionImage, functionProgram, image386 } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { addressesOf, askReplica, deploy, scale } from '../lifecycle/setup.ts';
import { startHost, untilAvailable, untilStatus, type TestHost } from './setup.ts';

let host: TestHost;
test.before(async () => {
  host = await startHost();
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

/** Serves over HTTP what `before` has written to /tmp, as a shell that is the first process. */
const serving = (before: string, server = 'busybox httpd -f -p 8080 -h /tmp') => ['sh', '-c', `${before}\n${server}`];

async function linesOf(name: string): Promise<string[]> {
  const { text } = await host.berth.api('GET', `/system/logs?name=${name}&follow=false`);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { text: string }).text);
}

test.serial(
  'an image is stopped by its own signal and has the time that it asks for, also by another daemon',
  async (t) => {
    const wait = 'busybox httpd -p 8080 -h /tmp; while :; do sleep 0.1; done';
    const { reference } = await busyboxImage(host.registry, {
      name: 'stopsignal',
      env: ['grace_period=30s'],
      user: 'app',
      config: { Cmd: serving(`trap 'sleep 3; echo all is saved; exit 0' INT`, wait), StopSignal: 'SIGINT' },
    });
    await deploy(host.berth, { service: 'saving', image: reference });
    await untilAvailable(host.berth, 'saving', 1);
    await host.berth.kill();
    await host.berth.start();
    await untilAvailable(host.berth, 'saving', 1);
    await scale(host.berth, 'saving', 0);
    await untilStatus(host.berth, 'saving', ({ replicas }) => replicas === 0);
    await until(async () => (await linesOf('saving')).includes('all is saved'), { timeoutMs: 15_000 });
    t.pass();
  },
);

test.serial("the image's own max_inflight holds like the deployment's", async (t) => {
  const { berth } = host;
  const { reference } = await functionImage(host.registry, { name: 'narrow', env: ['max_inflight=1'] });
  await deploy(berth, { service: 'narrow', image: reference });
  await untilAvailable(berth, 'narrow', 1);
  const calls = await Promise.all([1, 2, 3].map(() => berth.invoke('narrow/sleep/300')));
  t.deepEqual(
    calls.map(({ status }) => status),
    [200, 200, 200],
  );
  const [address] = await addressesOf(berth, 'narrow');
  t.is((await askReplica(address, '/peak')).trim(), '1 3');
});

test.serial('a function without capabilities may ping, as any user', async (t) => {
  const { reference } = await functionImage(host.registry, { name: 'pinging' });
  await deploy(host.berth, { service: 'pinging', image: reference });
  await untilAvailable(host.berth, 'pinging', 1);
  t.like(await host.berth.invoke('pinging/ping'), { status: 200, text: '8 bytes of pong\n' });
});

test.serial('a program with a capability that its function lacks is refused, saying what to set', async (t) => {
  const { berth, registry } = host;
  const binary = await functionProgram();
  const image = async (name: string, capabilities: string) =>
    functionImage(registry, {
      name,
      config: { Entrypoint: ['served'], Env: ['PATH=/opt:/bin'] },
      layers: [
        { 'usr/lib/served': { content: binary, mode: 0o755, capabilities }, 'opt/served': { link: '/usr/lib/served' } },
      ],
    });
  const bound = { service: 'bound', image: (await image('bound', 'cap_net_bind_service=+ep')).reference };
  const refused = await berth.api('POST', '/system/functions', bound);
  t.is(refused.status, 400);
  t.regex(refused.text, /\/opt\/served .*annotation com\.openfaas\.berth\.capabilities to NET_BIND_SERVICE/);
  await deploy(berth, { ...bound, annotations: { 'com.openfaas.berth.capabilities': 'NET_BIND_SERVICE' } });
  await untilAvailable(berth, 'bound', 1);
  const nice = { service: 'nice', image: (await image('nice', 'cap_sys_nice,cap_chown=+ep')).reference };
  t.regex((await berth.api('POST', '/system/functions', nice)).text, /no function may have SYS_NICE: .*setcap -r/);
  const unasked = { service: 'unasked', image: (await image('unasked', 'cap_sys_nice=+p')).reference };
  await deploy(berth, unasked);
  await untilAvailable(berth, 'unasked', 1);
});

test.serial('under a read-only root /tmp and the volumes of the image are on disk, and its own', async (t) => {
  const { berth, registry } = host;
  // Volumes that are there, within another, not there, behind links, no folders, and no place for any.
  const volumes = ['/data', '/data/inner', '/var/made/deep', '/linked', '/up', '/file', '/', '/proc/x'];
  const report = `
    head -c 100000000 /dev/zero >/tmp/big && echo more than its memory; rm /tmp/big
    echo new >/data/new && cat /data/kept /data/new; ls /data/inner; stat -c '%A %U' /data /var/made/deep /var /tmp
    echo x >/linked/x && ls /var/target; echo x >/var/made/deep/x; for folder in / /var /etc /up; do echo x >$folder/x; done
  `;
  const { reference } = await busyboxImage(registry, {
    name: 'volumes',
    user: 'app',
    config: {
      Cmd: serving(`(${report}) >/tmp/report 2>&1`),
      Volumes: Object.fromEntries(volumes.map((path) => [path, {}])),
    },
    layers: [
      { data: { directory: true, uid: 1000, gid: 1000 }, 'data/kept': 'kept\n', 'data/inner/seen': '', file: '' },
      { var: { directory: true, mode: 0o751 }, 'var/target': { directory: true, mode: 0o777 } },
      { linked: { link: '/var/target' }, up: { link: '../../..' }, tmp: { directory: true, mode: 0o700 } },
    ],
  });
  const limits = { memory: '32Mi' };
  await deploy(berth, { service: 'volumes', image: reference, limits, readOnlyRootFilesystem: true });
  await untilAvailable(berth, 'volumes', 1);
  const { text } = await berth.invoke('volumes/report');
  const refused = (path: string) => `sh: can't create ${path}: Read-only file system`;
  t.deepEqual(text.trimEnd().split('\n'), [
    ...['more than its memory', 'kept', 'new', 'seen'],
    ...['drwxr-xr-x app', 'drwxr-xr-x root', 'drwxr-x--x root', 'drwxrwxrwt root', 'x'],
    "sh: can't create /var/made/deep/x: Permission denied",
    ...['//x', '/var/x', '/etc/x', '/up/x'].map(refused),
  ]);
});

(arch() === 'x64' ? test.serial : test.serial.skip)('a 32-bit image runs, under the same rules', async (t) => {
  const { reference } = await image386(host.registry);
  await deploy(host.berth, { service: 'narrow-words', image: reference });
  await untilAvailable(host.berth, 'narrow-words', 1);
  // EPERM for making a user namespace, by clone as by unshare.
  t.like(await host.berth.invoke('narrow-words'), { status: 200, text: '-1 -1\n' });
});

test.serial(
  'an image of an odd builder runs: layers of nothing, layers twice, whiteouts of nothing, nulls',
  async (t) => {
    const { berth, registry } = host;
    const nothing = {};
    const { reference } = await functionImage(registry, {
      name: 'odd',
      user: ':1000',
      layers: [
        nothing,
        nothing,
        { 'no/such/.wh.file': '', 'opaque/.wh..wh..opq': '' },
        { 'tmp/.wh.none': '' },
        nothing,
      ],
      config: { Entrypoint: [''], Cmd: ['/function'] },
      configPlatform: '/',
      configType: 'text/html',
    });
    await deploy(berth, { service: 'odd', image: reference });
    await untilAvailable(berth, 'odd', 1);
    t.is((await berth.invoke('odd/file/etc/group')).status, 200);
  },
);

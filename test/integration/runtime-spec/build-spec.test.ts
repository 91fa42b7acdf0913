import test from 'ava';
import { hostFeatures } from '../../../src/backends/containerd/runtime-spec/index.ts';
import { runAsFunction } from './container.ts';

const app = { uid: 1000, gid: 1001, additionalGids: [1001, 44] };
const capabilities = (value: string) => ({ annotations: { 'com.openfaas.berth.capabilities': value } });

test('a function has no capabilities, no way to new ones, and a filter', async (t) => {
  const { stdout } = await runAsFunction('cat /proc/self/status');
  for (const line of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    t.regex(stdout, new RegExp(`^${line}:\t0{16}$`, 'm'));
  }
  t.regex(stdout, /^NoNewPrivs:\t1$/m);
  t.regex(stdout, /^Seccomp:\t2$/m);
});

test('a function is called by its name, is alone, and goes first when memory is short', async (t) => {
  const { stdout } = await runAsFunction(
    'hostname; cat /proc/1/comm; cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn',
  );
  const { maxOpenFiles } = await hostFeatures();
  const files = [65_536, 1_048_576].map((limit) => String(Math.min(limit, maxOpenFiles)));
  t.deepEqual(stdout.trim().split('\n'), ['figlet', 'sh', '500', ...files]);
});

test('a function sees its own network namespace only', async (t) => {
  const { stdout } = await runAsFunction('ls /sys/class/net; cat /etc/resolv.conf /etc/hosts; echo x >/etc/hosts');
  t.regex(stdout, /\blo\b/);
  t.notRegex(stdout, /eth0/);
  t.regex(stdout, /nameserver 192\.0\.2\.1\n127\.0\.0\.1 localhost\n192\.0\.2\.2 gateway/);
});

test('the environment arrives byte for byte', async (t) => {
  const envVars = { first: 'a=b=c', second: 'line one\nline two\n', third: 'größe 数 🦆', fourth: '' };
  const { stdout } = await runAsFunction('cat /proc/self/environ', {
    deployment: { envVars, envProcess: 'node index.js' },
  });
  const found = new Map(stdout.split('\0').map((entry) => [entry.split('=')[0], entry.slice(entry.indexOf('=') + 1)]));
  for (const [name, value] of Object.entries(envVars)) t.is(found.get(name), value);
  t.is(found.get('fprocess'), 'node index.js');
  t.is(found.get('OPENFAAS_NAME'), 'figlet');
  t.is(found.get('OPENFAAS_NAMESPACE'), 'openfaas-fn');
});

test('a process starts with as much as is allowed', async (t) => {
  const Env = Array.from({ length: 15 }, (_, i) => `V${i}=${'x'.repeat(131_000)}`);
  const rest = `REST=${'x'.repeat(127_600)}`;
  const imageConfig = { Entrypoint: ['/bin/sh', '-c'], Cmd: ['echo started'], Env: [...Env, rest] };
  t.is((await runAsFunction('', { input: { imageConfig } })).stdout, 'started\n');
  const crowded = { ...imageConfig, Env: [...Env, rest, `MORE=${'x'.repeat(300)}`] };
  await t.throwsAsync(runAsFunction('', { input: { imageConfig: crowded } }), { message: /together 2093056 bytes/ });
});

test('a read-only root refuses writes and leaves /tmp to every user', async (t) => {
  const { stdout, stderr } = await runAsFunction('echo x >/tmp/file && cat /tmp/file; ls -ld /tmp; echo x >/file', {
    deployment: { readOnlyRootFilesystem: true },
    input: { user: app, writableFolders: ['/tmp'] },
  });
  t.regex(stdout, /^x\ndrwxrwxrwt/);
  t.regex(stderr, /file: Read-only file system/);
});

test('a root that is not read-only is writable', async (t) => {
  const { stdout } = await runAsFunction('echo x >/file && cat /file');
  t.is(stdout, 'x\n');
});

test('a function runs as the user and groups it was given', async (t) => {
  const { stdout } = await runAsFunction('id -u; id -g; id -G', { input: { user: app } });
  t.deepEqual(stdout.trim().split('\n'), ['1000', '1001', '1001 44']);
});

test('the working directory is made when the image has none', async (t) => {
  const imageConfig = { Cmd: ['pwd'], WorkingDir: '/home/app' };
  const { stdout } = await runAsFunction('', { input: { imageConfig } });
  t.is(stdout, '/home/app\n');
});

test('secrets are readable by the function’s user and cannot be changed', async (t) => {
  const { stdout, stderr } = await runAsFunction(
    'cat /var/openfaas/secrets/api-key; chmod 600 /var/openfaas/secrets/api-key',
    { secrets: { 'api-key': 'dummy' }, input: { user: app } },
  );
  t.is(stdout, 'dummy');
  t.regex(stderr, /Read-only file system/);
});

test('a function sees its own limits and none of the host’s groups', async (t) => {
  const resources = {
    memoryLimitBytes: 64 * 1024 * 1024,
    memoryRequestBytes: 32 * 1024 * 1024,
    cpuLimitMillicores: 200,
    cpuRequestMillicores: 500,
  };
  const { cgroupVersion } = await hostFeatures();
  const files =
    cgroupVersion === 2
      ? 'memory.max memory.low cpu.max pids.max memory.oom.group'
      : 'memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max cpu/cpu.shares';
  const expected =
    cgroupVersion === 2
      ? ['67108864', '33554432', '20000 100000', '1024', '1']
      : ['67108864', '33554432', '20000', '1024', '512'];
  const { stdout, stderr } = await runAsFunction(
    `cd /sys/fs/cgroup && cat ${files}; grep -v ':/$' /proc/self/cgroup; mkdir /sys/fs/cgroup/memory/x`,
    { input: { resources } },
  );
  t.deepEqual(stdout.trim().split('\n'), expected);
  t.regex(stderr, /Read-only file system|Permission denied/);
});

test('swap is forbidden with the memory limit', async (t) => {
  const { cgroupVersion, swapAccounting } = await hostFeatures();
  const file = cgroupVersion === 2 ? 'memory.swap.max' : 'memory/memory.memsw.limit_in_bytes';
  const { stdout } = await runAsFunction(`cat /sys/fs/cgroup/${file}`, {
    input: { resources: { memoryLimitBytes: 64 * 1024 * 1024 } },
  });
  t.is(stdout.trim(), !swapAccounting ? '' : cgroupVersion === 2 ? '0' : '67108864');
});

for (const mebibytes of [4, 5]) {
  test(`a function with a limit of ${mebibytes}Mi starts`, async (t) => {
    const resources = { memoryLimitBytes: mebibytes * 1024 * 1024 };
    const { stdout, stderr } = await runAsFunction('echo started', { input: { resources } });
    t.is(stdout, 'started\n', stderr);
  });
}

test('more processes than the limit are refused, the function lives on', async (t) => {
  const script = 'i=0; while [ $i -lt 1100 ]; do sleep 60 & i=$((i+1)); done; echo all';
  const { stdout, stderr } = await runAsFunction(script);
  t.regex(stderr, /can't fork: Resource temporarily unavailable/);
  t.notRegex(stdout, /all/);
});

test('the filter keeps a function from making namespaces, where the kernel alone would let it', async (t) => {
  const unshare = 'unshare -U echo made';
  const filtered = await runAsFunction(unshare);
  t.is(filtered.stdout, '');
  t.regex(filtered.stderr, /Operation not permitted/);
  const unfiltered = await runAsFunction(unshare, {
    adjust: (spec) => ({ ...spec, linux: { ...spec.linux, seccomp: undefined } }),
  });
  t.is(unfiltered.stdout, 'made\n');
});

test('mounting, setting the clock and making devices are refused', async (t) => {
  const { stdout, stderr } = await runAsFunction(
    'mkdir /mnt; mount -t tmpfs x /mnt; mknod /disk b 8 0; date -s "$(date "+%Y-%m-%d %H:%M:%S")" >/dev/null; ls /mnt',
  );
  t.is(stdout, '');
  t.regex(stderr, /mount: .*(permission denied|Operation not permitted)/i);
  t.regex(stderr, /mknod: .*Operation not permitted/);
  t.regex(stderr, /date: .*Operation not permitted/);
});

test('the kernel’s own files tell nothing and take nothing', async (t) => {
  const { stdout, stderr } = await runAsFunction(
    'wc -c </proc/keys; ls /sys/firmware; cat /proc/sys/kernel/panic >/proc/sys/kernel/panic',
  );
  t.is(stdout, '0\n');
  t.regex(stderr, /panic: Read-only file system/);
});

test('the devices of every container are there', async (t) => {
  const { stdout } = await runAsFunction(
    'echo x >/dev/null && head -c 4 /dev/urandom | wc -c; ls /dev/pts/ptmx /dev/shm -d',
  );
  t.regex(stdout, /^4\n/);
});

test('a granted capability is effective for root, and no other is', async (t) => {
  const { stdout } = await runAsFunction(
    'grep CapEff /proc/self/status; touch /file; chown 5 /file; stat -c %u /file',
    {
      deployment: capabilities('CHOWN,NET_BIND_SERVICE'),
    },
  );
  t.is(stdout, 'CapEff:\t0000000000000401\n5\n');
});

test('a granted capability is effective for any other user too', async (t) => {
  const { stdout } = await runAsFunction('grep -E "CapEff|CapAmb|NoNewPrivs" /proc/self/status', {
    deployment: capabilities('CAP_NET_BIND_SERVICE'),
    input: { user: app },
  });
  t.is(stdout, 'CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\nNoNewPrivs:\t1\n');
});

test('any user may listen on any port', async (t) => {
  const { stdout, stderr } = await runAsFunction('httpd -p 80 -h / && echo listens', { input: { user: app } });
  t.is(stdout, 'listens\n', stderr);
});

test('chroot works with its capability only', async (t) => {
  const script = 'chroot / /bin/echo inside';
  t.is((await runAsFunction(script)).stdout, '');
  t.is((await runAsFunction(script, { deployment: capabilities('SYS_CHROOT') })).stdout, 'inside\n');
});

test('a program with threads, children and a server runs under the filter and knows its memory limit', async (t) => {
  const bind = (source: string, destination = source) => ({
    destination,
    type: 'bind',
    source,
    options: ['rbind', 'ro'],
  });
  const program = `
    const { Worker } = require('node:worker_threads');
    const code = 'require("node:worker_threads").parentPort.postMessage(process.constrainedMemory())';
    const worker = new Worker(code, { eval: true });
    worker.on('message', (memoryBytes) => {
      const child = child_process.execFileSync('/bin/echo', ['child']).toString();
      const server = http.createServer().listen(8080, () => console.log(memoryBytes, child, server.close().listening));
    });
  `;
  const { stdout, stderr } = await runAsFunction('', {
    input: {
      user: app,
      resources: { memoryLimitBytes: 128 * 1024 * 1024 },
      imageConfig: { Entrypoint: ['/node', '-e'], Cmd: [program] },
    },
    // The host's own Node and C library in place of an image's.
    adjust: (spec) => ({
      ...spec,
      mounts: [...spec.mounts, bind(process.execPath, '/node'), bind('/usr'), bind('/lib'), bind('/lib64')],
    }),
  });
  t.is(stdout, '134217728 child\n false\n', stderr);
});

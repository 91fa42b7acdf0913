import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { callOf, deploy } from '../lifecycle/setup.ts';
import { connectFrom } from '../network/host.ts';
import { startHost, taskOf, tasksOf, type TestHost } from '../functions/setup.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost({ env: { network_allow_max: 'functions, host, 10.0.0.0/8' } });
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

const allowing = (allow: string) => ({ annotations: { 'com.openfaas.network.allow': allow } });

/** A database as most come: it listens on 127.0.0.1 alone. */
async function database(t: ExecutionContext): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

async function reached(name: string, port: number): Promise<string> {
  const { berth, containerd } = host;
  // The version before may be about to end still.
  const task = await until(async () => {
    const [only, ...others] = await tasksOf(containerd, name);
    return others.length === 0 ? only : undefined;
  });
  const hosts = await callOf(berth, `${name}/file/etc/hosts`);
  const [, address = ''] = /^(\S+) .*\bhost\.internal\b/m.exec(hosts) ?? [];
  return connectFrom(`/proc/${task.pid}/ns/net`, address, port);
}

test.serial(
  'a function reaches the database of its host by the name host.internal, as its annotation says',
  async (t) => {
    const { berth } = host;
    const port = await database(t);
    await deploy(berth, { service: 'plain', image });
    await deploy(berth, { service: 'with-db', image, ...allowing(`host:${port}`) });
    t.is(await reached('with-db', port), 'open');
    t.is(await reached('plain', port), 'refused');
    await berth.kill('SIGKILL');
    t.is(await reachedWithoutDaemon(port), 'open');
    await berth.start();
    t.is(await reached('with-db', port), 'open');
    const update = { service: 'with-db', image, envVars: { VERSION: '2' } };
    t.is((await berth.api('PUT', '/system/functions', update)).status, 200);
    t.is(await reached('with-db', port), 'refused', 'the new version has no annotation');
  },
);

async function reachedWithoutDaemon(port: number): Promise<string> {
  const { pid } = await taskOf(host.containerd, 'with-db');
  return connectFrom(`/proc/${pid}/ns/net`, '10.62.0.1', port);
}

test.serial('what cannot be read, or is more than the host gives, is refused with what to do', async (t) => {
  const refused = async (allow: string) => {
    const { status, text } = await host.berth.api('POST', '/system/functions', {
      service: 'refused',
      image,
      ...allowing(allow),
    });
    t.is(status, 400, text);
    return text;
  };
  t.regex(await refused('postgres:5432'), /com\.openfaas\.network\.allow: "postgres:5432" cannot be read: write/);
  t.regex(await refused('192.168.1.1:5432'), /more than the setting network_allow_max of this host gives/);
});

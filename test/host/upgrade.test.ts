/** berth is upgraded and downgraded under calls from another machine, and started again in all the ways there are. */
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { cacheFolder } from '../helpers/cache.ts';
import { functionImage } from '../helpers/functions.ts';
import { sharedHost, type FreshHost } from '../helpers/fresh-host.ts';
import { startNameServer } from '../helpers/name-server.ts';
import { until } from '../helpers/poll.ts';
import { startRegistry, type TestRegistry } from '../helpers/registry.ts';

/** Calls a second; a soak has it for longer: test/soak/host.sh. */
const [rate = 100, restMs = 1500] = (process.env.BERTH_TEST_UPGRADE ?? '').split(' ').filter(Boolean).map(Number);
const drainS = 3;

let host: FreshHost;
let registry: TestRegistry;

test.before(async () => {
  host = await sharedHost();
  registry = await startRegistry({ address: host.testAddress });
  await host.trusts(registry);
  await host.run(
    `sed -i '/^upgrade_drain=/d' /etc/berth/berth.env; echo upgrade_drain=${drainS} >>/etc/berth/berth.env`,
  );
  await host.run('systemctl restart berth');
  await api('POST', '/system/functions', { service: 'called', image: (await functionImage(registry)).reference });
  await until(async () => (await fetch(`${host.url}/function/called`)).ok, { timeoutMs: 30_000 });
});
test.after.always(async () => {
  await api('DELETE', '/system/functions', { functionName: 'called' });
  await host.run('rm -rf /usr/local/lib/berth.previous; sed -i /^upgrade_drain=/d /etc/berth/berth.env');
  await host.run(`rm -rf /etc/containerd/certs.d/${registry.host}`);
  await registry.stop();
});

async function api(method: string, path: string, body?: object): Promise<Response> {
  const headers = { authorization: `Basic ${btoa(`admin:${await host.password()}`)}` };
  return fetch(host.url + path, { method, headers, body: body && JSON.stringify(body) });
}

const log = () => host.run('journalctl --unit berth --output cat');

/** Calls from this machine at a steady rate, on connections of their own and on kept ones. */
class Calls {
  readonly problems: string[] = [];
  answered = 0;
  readonly #kept = new Agent({ keepAlive: true });
  readonly #timer: NodeJS.Timeout;
  readonly #underWay = new Set<Promise<void>>();

  constructor() {
    let number = 0;
    this.#timer = setInterval(() => {
      const call = this.#call(number++).finally(() => this.#underWay.delete(call));
      this.#underWay.add(call);
    }, 1000 / rate);
  }

  async #call(number: number): Promise<void> {
    const path = `/function/called${['', '/sleep/200', '/stream/3/50', '/events/3/50'][number % 4]}`;
    try {
      const sent = request(host.url + path, { agent: number % 3 === 0 ? this.#kept : false }).end();
      const [reply] = (await once(sent, 'response')) as [IncomingMessage];
      const body = await text(reply);
      if (reply.statusCode !== 200) this.problems.push(`${path}: ${reply.statusCode} ${body}`);
      else this.answered += 1;
    } catch (error) {
      this.problems.push(`${path}: ${String(error)}`);
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    this.#kept.destroy();
  }
}

/** A WebSocket whose frames come back as they are. */
class Echo {
  readonly #socket: Socket;
  #got = Buffer.alloc(0);

  constructor() {
    this.#socket = connect(8080, host.address);
    this.#socket.on('data', (chunk: Buffer) => (this.#got = Buffer.concat([this.#got, chunk])));
    this.#socket.write(
      'GET /function/called/upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
  }

  async opened(): Promise<void> {
    await until(() => this.#got.includes('\r\n\r\n'));
    this.#got = Buffer.alloc(0);
  }

  async echoes(): Promise<void> {
    const frame = Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x68, 0x69]);
    const wanted = Buffer.concat([this.#got, frame]);
    this.#socket.write(frame);
    await until(() => this.#got.equals(wanted), { message: 'the echo of a frame' });
  }

  /** Resolves with its last bytes when the other side has ended it. */
  async ended(): Promise<Buffer> {
    await until(() => this.#socket.readableEnded, { timeoutMs: 60_000, message: 'the end of the WebSocket' });
    this.#socket.destroy();
    return this.#got;
  }
}

async function openEvents(): Promise<IncomingMessage> {
  const sent = request(`${host.url}/function/called/events/100000/100`, { agent: false }).end();
  return ((await once(sent, 'response')) as [IncomingMessage])[0];
}

/** An upgrade as an install makes it, with calls before, meanwhile and after, and streams that outlast the drain. */
async function underCalls(change: string): Promise<{ problems: string[]; answered: number; said: string }> {
  const before = (await log()).length;
  const calls = new Calls();
  const echo = new Echo();
  await echo.opened();
  const events = await openEvents();
  const told = text(events);
  await echo.echoes();
  await sleep(restMs);
  await host.run(change);
  // The streams go on where they were, until the drain has passed.
  await echo.echoes();
  const last = await echo.ended();
  const problems = [...calls.problems];
  if (!last.subarray(-4).equals(Buffer.from([0x88, 0x02, 0x03, 0xe9])))
    problems.push(`WebSocket: ${last.toString('hex')}`);
  if (!/^(data: \d+\n\n)+$/.test(await told)) problems.push('the event stream was cut in an event');
  if (!events.complete) problems.push('the event stream did not end as whole');
  await sleep(restMs);
  await calls.end();
  problems.push(...calls.problems);
  return { problems, answered: calls.answered, said: (await log()).slice(before) };
}

test.serial(
  'berth is given several descriptors of its socket, as it accepts one connection a turn from each',
  async (t) => {
    const ends = await host.run(`
    program=$(pgrep --parent "$(systemctl show --property MainPID --value berth)")
    for fd in 3 4 5 6 7 8 9; do readlink /proc/$program/fd/$fd; done`);
    const [first = '', ...others] = ends.trim().split('\n');
    t.regex(first, /^socket:/);
    t.deepEqual(others, Array<string>(6).fill(first));
  },
);

test.serial('an upgrade and a downgrade fail no call, and end streams that outlast the drain cleanly', async (t) => {
  t.timeout(4 * restMs + 600_000);
  await host.run('cp -r /root/berth /root/newer; echo newer >/root/newer/program/.checksum');
  await host.run('printf "newer\\nA newer berth\\n" >/root/newer/program/commit');
  for (const [change, sha] of [
    ['sh /root/newer/install.sh', '"sha":"newer"'],
    ['berth downgrade', '"sha":"'],
  ] as const) {
    const { problems, answered, said } = await underCalls(change);
    t.log(`${change}: ${answered} calls were answered`);
    t.deepEqual(problems, [], change);
    t.regex(said, /what was still in flight is ended afterMs=3000 eventStreams=1 webSockets=1 calls=0/);
    t.true((await (await api('GET', '/system/info')).text()).includes(sha));
  }
  await host.run('rm -rf /root/newer');
});

test.serial('a start within the start gives up at once', async (t) => {
  await host.run('systemctl restart berth');
  const before = Number(await host.run('date +%s'));
  await host.run('systemctl restart berth');
  await until(async () => (await fetch(`${host.url}/healthz`)).ok);
  t.log(`${Number(await host.run('date +%s')) - before} s`);
  const draining = await host.run('ls /run/berth/draining');
  t.is(draining, '');
});

test.serial('a crash, and a process that hangs, are followed by a new one', async (t) => {
  const pid = () => host.run('cat /var/lib/berth/lock');
  for (const signal of ['KILL', 'ABRT']) {
    const before = await pid();
    const target = signal === 'ABRT' ? '$(systemctl show --property MainPID --value berth)' : before;
    if (signal === 'ABRT') await host.run(`kill -STOP ${before}`);
    await host.run(`kill -${signal} ${target}`);
    await until(async () => (await pid()) !== before, { timeoutMs: 30_000, message: `a new process after ${signal}` });
    t.is(await (await fetch(`${host.url}/function/called/status/200`)).text().then(() => 'answered'), 'answered');
  }
});

test.serial('systemctl stop ends berth and its socket, and start begins both', async (t) => {
  await host.run('systemctl stop berth');
  await until(async () => (await host.attempt('systemctl is-active berth.socket')).code !== 0);
  await t.throwsAsync(once(connect(8080, host.address), 'connect'), { code: 'ECONNREFUSED' });
  await host.run('systemctl start berth');
  t.true((await fetch(`${host.url}/healthz`)).ok);
});

test.serial('a port that is changed in berth.env is served after a restart', async (t) => {
  const setPort = (port: number) => `sed -i '/^port=/d' /etc/berth/berth.env; echo port=${port} >>/etc/berth/berth.env`;
  await host.run(`${setPort(8090)}; systemctl restart berth`);
  const answers = () =>
    fetch(`http://${host.address}:8090/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers, { timeoutMs: 30_000 });
  await t.throwsAsync(once(connect(8080, host.address), 'connect'), { code: 'ECONNREFUSED' });
  await host.run(`sed -i '/^port=/d' /etc/berth/berth.env; systemctl restart berth`);
  await until(
    () =>
      fetch(`${host.url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    { timeoutMs: 30_000 },
  );
  t.regex(await log(), /berth\.socket is at 0\.0\.0\.0:8080 and is moved to 0\.0\.0\.0:8090/);
});

/** Has berth see the clock an hour behind until `/root/clock` says otherwise, as on a Raspberry Pi, which has none of its own. */
const clockDropIn = `[Service]
Environment=LD_PRELOAD=/root/libfaketime.so FAKETIME_TIMESTAMP_FILE=/root/clock
Environment=FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
`;
const slowDropIn = '[Service]\nExecStartPre=sleep 5\n';

test.serial(
  'after a reboot functions run with no request made before: with a slow containerd, an old clock, and no DNS until later',
  async (t) => {
    const units = '/etc/systemd/system';
    const named = `images.test:${registry.host.split(':')[1]}`;
    await host.trusts({ host: named, url: `http://${named}` });
    await host.copyIn(join(cacheFolder, 'faketime/lib/libfaketimeMT.so.1'), '/root/libfaketime.so');
    await host.run(`
      mkdir -p ${units}/containerd.service.d ${units}/berth.service.d
      printf '${slowDropIn}' >${units}/containerd.service.d/slow.conf
      printf '${clockDropIn}' >${units}/berth.service.d/clock.conf
      echo -1h >/root/clock
      echo nameserver 192.0.2.1 >/etc/resolv.conf
      echo 'functions: {late: {image: "${named}/fn"}}' >/etc/berth/functions.d/late.yml`);
    await host.reboot();
    const running = () => host.run('ctr --namespace openfaas-fn tasks ls | grep -c RUNNING || true');
    await until(async () => Number(await running()) > 0, { timeoutMs: 30_000, message: 'a replica that runs' });
    const status = async () => (await fetch(`${host.url}/function/called/status/200`)).status;
    t.is(await status(), 200);
    const began = await host.run('ctr --namespace openfaas-fn tasks ls');
    const late = async () => (await fetch(`${host.url}/function/late`)).status;
    t.is(await late(), 404);
    const names = await startNameServer(host.testAddress, host.testAddress);
    t.teardown(() => names.stop());
    await host.run(`echo +0h >/root/clock; echo nameserver ${host.testAddress} >/etc/resolv.conf`);
    t.is(await status(), 200);
    await until(async () => (await late()) === 200, { timeoutMs: 90_000, message: 'the pull to go on' });
    await host.run('rm /etc/berth/functions.d/late.yml');
    await until(async () => (await late()) === 404, { message: 'it to be removed' });
    await host.run(`
      rm -r /etc/containerd/certs.d/${named} ${units}/containerd.service.d ${units}/berth.service.d /root/libfaketime.so /root/clock /etc/resolv.conf
      systemctl daemon-reload
      systemctl restart berth`);
    t.is(await status(), 200);
    const tasks = () => host.run('ctr --namespace openfaas-fn tasks ls');
    await until(async () => (await tasks()) === began, { message: 'the replicas that there were, none started anew' });
  },
);

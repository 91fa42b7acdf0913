import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { createLog, silentLog } from '../../../src/base/log.ts';
import { ServiceManager, type ServiceLife } from '../../../src/daemon/service-manager.ts';
import { endProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/poll.ts';

/** Listens as systemd does, and prints what it is told; Node has no such sockets. */
const listener = `
use Socket; $| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die; bind($socket, pack_sockaddr_un(shift)) or die; print "ready\\n";
while (defined recv($socket, my $text, 65536, 0)) { print join(",", split(/\\n/, $text)), "\\n" unless $text =~ /^BARRIER/ }`;

async function startListener(t: ExecutionContext): Promise<{ socket: string; told: string[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'notify-'));
  const socket = path.join(folder, 'socket');
  const child = spawn('perl', ['-e', listener, socket]);
  t.teardown(async () => {
    await endProcess(child, 'SIGKILL');
    await rm(folder, { recursive: true });
  });
  const told: string[] = [];
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  lines.on('line', (line) => told.push(line));
  return { socket, told };
}

const well: ServiceLife = { isReady: () => true, isAlive: () => true, problems: () => [] };

test('systemd is told when the daemon is ready, not before, and that it is alive from then on', async (t) => {
  const { socket, told } = await startListener(t);
  const ending = new AbortController();
  let isReady = false;
  const manager = new ServiceManager({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '30000' }, silentLog);
  t.true(manager.isThere);
  const followed = manager.follow({ ...well, isReady: () => isReady }, ending.signal);
  isReady = true;
  await until(() => told.length >= 3);
  ending.abort();
  await followed;
  t.deepEqual(told.slice(0, 3), ['READY=1,STATUS=serving', 'WATCHDOG=1', 'WATCHDOG=1']);
});

test('systemd is told again that the daemon is ready, until it hears it', async (t) => {
  const lines: string[] = [];
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  const ending = new AbortController();
  const manager = new ServiceManager({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '30000' }, log);
  const followed = manager.follow(well, ending.signal);
  await until(() => lines.length >= 2);
  ending.abort();
  await followed;
  t.deepEqual(
    lines.map((line) => /what=(\S+)/.exec(line)?.[1]),
    lines.map(() => '"READY=1"'),
  );
});

test('a daemon that hangs does not say that it is alive', async (t) => {
  const { socket, told } = await startListener(t);
  const lines: string[] = [];
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  const ending = new AbortController();
  const manager = new ServiceManager({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '30000' }, log);
  const followed = manager.follow({ ...well, isAlive: () => false }, ending.signal);
  await until(() => lines.length >= 2);
  ending.abort();
  await followed;
  t.deepEqual(told, ['READY=1,STATUS=serving']);
  t.regex(lines[0] ?? '', /^<3>a reconciler pass hangs/);
});

test('without systemd nobody is told', async (t) => {
  const manager = new ServiceManager({}, silentLog);
  t.false(manager.isThere);
  await t.notThrowsAsync(manager.follow({ ...well, isReady: () => t.fail() }, new AbortController().signal));
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Registry } from '@prometheus-io/client';
import { silentLog } from '../../../../src/base/log.ts';
import { serveDashboard, type Dashboard } from '../../../../src/gateway/index.ts';
import { defaultConfig } from '../../../../src/provider/index.ts';
import { freePort } from '../../../helpers/free-port.ts';
import { until } from '../../../helpers/poll.ts';
import { startGateway, type World, type WorldOptions } from '../with-gateway.ts';

export const user = 'admin';
export const password = 'pass word';

export interface DashboardWorld extends World {
  /** Of the dashboard, such as `http://127.0.0.1:1234`. */
  page: string;
  dashboard: Dashboard;
  folder: string;
  /** Ends the dashboard and begins it anew, as a restart of the daemon does. */
  restart: () => Promise<void>;
  /** Begins the next one while the one before ends what it has begun, as an upgrade does. */
  upgrade: () => Promise<Dashboard>;
  /** Returns the token of a new session. */
  logIn: () => Promise<string>;
}

/** A dashboard on a port of its own beside a gateway; taken down with the test. */
export async function startDashboard(
  t: ExecutionContext,
  options: WorldOptions & { port?: number } = {},
): Promise<DashboardWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const secretMountPath = join(folder, 'auth');
  await mkdir(secretMountPath);
  await writeFile(join(secretMountPath, 'basic-auth-user'), user);
  await writeFile(join(secretMountPath, 'basic-auth-password'), password);
  const config = {
    ...defaultConfig,
    tcpPort: 0,
    bind: '127.0.0.1',
    enableBasicAuth: true,
    secretMountPath,
    ...options.config,
  };
  const port = options.port ?? (await freePort());
  const world = await startGateway(t, { ...options, uiPort: port, config });
  let ending = new AbortController();
  let dashboard: Dashboard;
  const start = async () => {
    ending = new AbortController();
    dashboard = await serveDashboard({
      port,
      config,
      handlers: world.gateway.handlers,
      routes: world.gateway.routes,
      registry: new Registry(),
      sessionsPath: join(folder, 'sessions.json'),
      drainMs: 10_000,
      signal: ending.signal,
      log: silentLog,
    });
    return dashboard;
  };
  const stop = async () => {
    ending.abort();
    await dashboard.closed;
  };
  dashboard = await start();
  t.teardown(stop);
  const page = `http://127.0.0.1:${port}`;
  return {
    ...world,
    page,
    folder,
    dashboard,
    async restart() {
      await stop();
      await start();
      // The port may go to another's connection for a moment, and fetch may try one of before first.
      await until(async () => (await fetch(`${page}/ui/`)).ok, { message: 'the dashboard to be back' });
    },
    upgrade() {
      ending.abort();
      return start();
    },
    async logIn() {
      const reply = await fetch(`${page}/ui/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user, password }),
      });
      return ((await reply.json()) as { token: string }).token;
    },
  };
}

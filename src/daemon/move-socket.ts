import { isIP } from 'node:net';
import path from 'node:path';
import type { Log } from '../base/log.ts';
import { runProgram } from '../base/run-program.ts';
import type { FaaSServer } from '../provider/index.ts';
import type { Config } from './config.ts';

const installer = path.join(import.meta.dirname, '../../install.sh');
/** Of install.sh, for a unit that says already what berth.env says. */
const isAsTold = 3;

/**
 * Has systemd listen where the settings say, which have changed since it was told: it starts berth again for that. Never
 * rejects; where it cannot be done, the log says what to do.
 * @param server on the socket of systemd's
 */
export async function moveSocket(
  server: Pick<FaaSServer, 'address' | 'port'>,
  { config, log }: { config: Pick<Config, 'tcpPort' | 'bind'>; log: Log },
): Promise<void> {
  const { tcpPort, bind = '' } = config;
  if (server.port === tcpPort && (isIP(bind) === 0 || bind === server.address)) return;
  const [is, wanted] = [`${server.address}:${server.port}`, `${bind}:${tcpPort}`];
  log.warn(`berth.socket is at ${is} and is moved to ${wanted}`);
  const mend = `set ListenStream=${wanted} by systemctl edit --full berth.socket, then systemctl restart berth.socket`;
  const failed = (reason: string) => log.error(`berth.socket stays at ${is}: ${mend}`, { reason });
  await runProgram('sh', { args: [installer, 'listen'] }).then(
    ({ exitCode, stderr }) => {
      if (exitCode === isAsTold) failed('port and bind are not from berth.env, or its unit was changed');
      else if (exitCode !== 0) failed(stderr.trim());
    },
    (error: unknown) => failed(String(error)),
  );
}

/** A shell beside a containerd, a registry and a daemon as integration tests have them: `sudo test/run look`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import { username, password } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { startHost } from './functions/setup.ts';

const host = await startHost({ dashboard: true });
const { containerd, registry, berth } = host;
try {
  const { reference } = await functionImage(registry);
  console.log(`berth is at ${berth.url} (${username}:${password}), its files and its log are in ${berth.folder}
its dashboard is at ${berth.dashboard}/ui/, the same user and password
containerd ${containerd.version} is at ${containerd.address}, its files and its log are in ${containerd.folder}
an image to deploy: ${reference}
ctr and curl know where to go; "exit" takes everything down`);
  const env = {
    ...process.env,
    PATH: `${containerd.binFolder}${delimiter}${process.env['PATH']}`,
    CONTAINERD_ADDRESS: containerd.address,
    CONTAINERD_NAMESPACE: 'openfaas-fn',
    OPENFAAS_URL: berth.url,
    IMAGE: reference,
  };
  await once(spawn('bash', { env, stdio: 'inherit' }), 'exit');
} finally {
  await host.stop();
}

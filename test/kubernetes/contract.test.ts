/** What every back end does alike, on a cluster. The cases run beside each other. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openKubernetes } from '../../src/backends/kubernetes/index.ts';
import { createLog } from '../../src/base/log.ts';
import { contractCases, type ContractTarget } from '../../src/contract/index.ts';
import { defaultConfig, handlersFor, serve, type FaaSConfig } from '../../src/provider/index.ts';
import { password, startBerth, username, type TestBerth } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { labRegistry } from '../helpers/kubernetes-lab/registry.ts';
import { functionNamespace, kubeconfig } from './cluster.ts';

const functionsNamespace = 'openfaas-fn';
/** Not marked as one for functions, so that the other berth does not see it, and scales nothing in it. */
const providersNamespace = 'provider-fn';

const common: ContractTarget = {
  url: '',
  credentials: { user: username, password },
  image: `${labRegistry.host}/fn:latest`,
  echoPath: '/echo',
  logPath: (text) => `/log/${text}`,
  filePath: (path) => `/file${path}`,
  missingImage: `${labRegistry.host}/none:1`,
  namespace: functionsNamespace,
  lacks: ['pulls', 'host'],
  patienceMs: 120_000,
};
const bare: ContractTarget = { ...common, namespace: providersNamespace };
const gateway: ContractTarget = { ...common, isGateway: true };

let close: () => Promise<void>;
let berth: TestBerth;
const lines: string[] = [];

test.before(async () => {
  await Promise.all([
    functionNamespace(functionsNamespace),
    functionNamespace(providersNamespace, {}),
    functionImage(labRegistry),
  ]);
  ({ url: bare.url, close } = await serveProvider());
  berth = await startBerth({ env: { backend: 'kubernetes', kubeconfig } });
  gateway.url = berth.url;
});
test.after.always(async () => {
  await Promise.all([close?.(), berth?.stop()]);
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log(lines.slice(-30).join(''), (await berth.log()).split('\n').slice(-30).join('\n'));
});

/** The provider alone, as the SDK serves it. */
async function serveProvider(): Promise<{ url: string; close: () => Promise<void> }> {
  const secretMountPath = await mkdtemp(join(tmpdir(), 'auth-'));
  await writeFile(join(secretMountPath, 'basic-auth-user'), username);
  await writeFile(join(secretMountPath, 'basic-auth-password'), password);
  const own = {
    tcpPort: 0,
    bind: '127.0.0.1',
    enableBasicAuth: true,
    secretMountPath,
    defaultNamespace: providersNamespace,
  };
  const config: FaaSConfig = { ...defaultConfig, ...own };
  const log = createLog({ level: 'debug', write: (line) => void lines.push(line) });
  const options = { kubeconfig, functionNamespace: providersNamespace, imagePullSecrets: [], log };
  const backEnd = await openKubernetes(options);
  const server = await serve(handlersFor(backEnd.provider, config, { log }), config, { log, drainMs: 0 });
  return {
    url: `http://127.0.0.1:${server.port}`,
    async close() {
      await server.close();
      await backEnd.close();
      await rm(secretMountPath, { recursive: true });
    },
  };
}

for (const [who, target] of [
  ['provider', bare],
  ['gateway', gateway],
] as const)
  for (const { verb, title, run } of contractCases(target))
    test(`${who}, ${verb}: ${title}`, async (t) => {
      await run();
      t.pass();
    });

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { password, type Answer } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { buildImage } from '../../helpers/images.ts';
import { leftovers } from '../../helpers/leftovers.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry, type TestRegistry } from '../../helpers/registry.ts';
import { startHost, wholeLog, type TestHost } from './setup.ts';

const registryPassword = 'wrong-registry-password';
const secretValue = 'very-secret-value';

let host: TestHost;
let locked: TestRegistry;
let image: string;
const images = { foreign: '', artifact: '', commandless: '', stranger: '', exits: '', crowded: '' };
const answers: string[] = [];

test.before(async () => {
  [host, locked] = await Promise.all([startHost(), startRegistry({ auth: 'basic' })]);
  const { registry, berth } = host;
  ({ reference: image } = await functionImage(registry));
  const layers = [{ file: 'content' }];
  images.foreign = (
    await buildImage({ registry, name: 'foreign', layers, platforms: ['linux/s390x', 'linux/ppc64le'] })
  ).reference;
  images.commandless = (await buildImage({ registry, name: 'commandless', layers })).reference;
  images.stranger = (await functionImage(registry, { name: 'stranger', user: 'nobody-known' })).reference;
  images.exits = (await functionImage(registry, { name: 'exits', env: ['EXIT_AT_START=7'] })).reference;
  const crowd = Array.from({ length: 20 }, (_, i) => `V${i}=${'x'.repeat(110_000)}`);
  images.crowded = (await functionImage(registry, { name: 'crowded', env: crowd })).reference;
  images.artifact = await pushArtifact(registry);
  await functionImage(locked, { name: 'private' });
  const prepared = [
    await berth.api('POST', '/system/functions', { service: 'there', image }),
    await berth.api('POST', '/system/secrets', { name: 'there', value: secretValue }),
    await berth.api('POST', '/system/namespace/full', { name: 'full' }),
    await berth.api('POST', '/system/secrets', { name: 'there', namespace: 'full', value: secretValue }),
  ];
  for (const { status, text } of prepared) if (status >= 300) throw new Error(text);
});
test.after.always(async () => {
  await host?.stop();
  await locked?.stop();
});

/** What a Helm chart looks like to a registry. */
async function pushArtifact(registry: TestRegistry): Promise<string> {
  const blob = await buildImage({ registry, name: 'chart', tag: 'parts', layers: [{ 'Chart.yaml': 'name: chart' }] });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: blob.layerDigests[0], size: 1 };
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
  const headers = { 'content-type': mediaType };
  const pushed = await registry.fetch('/v2/chart/manifests/latest', '', { method: 'PUT', body, headers });
  if (!pushed.ok) throw new Error(await pushed.text());
  return `${registry.host}/chart:latest`;
}

/**
 * All that there is, but for what a pull keeps so that the next one goes on from there: its lease, and layers, which the
 * sweep removes later.
 */
async function everything(): Promise<unknown> {
  const { berth, containerd } = host;
  const [functions, secrets, namespaces] = await Promise.all(
    ['/system/functions', '/system/secrets', '/system/namespaces'].map((path) => berth.api('GET', path)),
  );
  const { snapshots, leases, ...rest } = await leftovers(containerd, berth);
  return {
    functions: functions?.text,
    secrets: secrets?.text,
    namespaces: namespaces?.text,
    ...rest,
    snapshots: snapshots.filter((line) => !/Committed\s*$/.test(line)),
    leases: leases.filter((id) => !id.startsWith('berth-pull-')),
  };
}

interface Refusal {
  status: number;
  /** What the caller is told. */
  says: RegExp;
  ask: () => Promise<Answer>;
}

async function isRefused(t: ExecutionContext, { status, says, ask }: Refusal): Promise<void> {
  const before = await everything();
  const answer = await ask();
  answers.push(answer.text);
  t.is(answer.status, status, answer.text);
  t.regex(answer.text, says);
  t.regex(answer.text, /^[^\n]+\n?$/, 'one line');
  t.regex(answer.headers.get('content-type') ?? '', /^text\/plain/);
  await until(async () => JSON.stringify(await everything()) === JSON.stringify(before)).catch(async () =>
    t.deepEqual(await everything(), before),
  );
}

const deploy = (body: object) => () => host.berth.api('POST', '/system/functions', { service: 'new', image, ...body });
const update = (body: object) => () => host.berth.api('PUT', '/system/functions', { service: 'there', image, ...body });

const refusals: Record<string, Refusal> = {
  'a body that is not JSON': {
    status: 400,
    says: /not a JSON object/,
    ask: () => host.berth.api('POST', '/system/functions', '{"service": "new",'),
  },
  'a body that is a list': { status: 400, says: /object/, ask: () => host.berth.api('POST', '/system/functions', []) },
  'a body above the limit': {
    status: 413,
    says: /limit of 1048576 bytes/,
    ask: deploy({ envVars: { BIG: 'x'.repeat(1_100_000) } }),
  },
  'a missing name': { status: 400, says: /service is missing/, ask: deploy({ service: undefined }) },
  'a missing image': { status: 400, says: /image is missing/, ask: deploy({ image: undefined }) },
  'an image that is no reference': {
    status: 400,
    says: /"fn@sha256:short"|fn@sha256:short/,
    ask: deploy({ image: 'fn@sha256:short' }),
  },
  'a name in capitals': { status: 400, says: /"Bad_Name".*lower-case letters/, ask: deploy({ service: 'Bad_Name' }) },
  'a name of 64 letters': { status: 400, says: /1 to 63/, ask: deploy({ service: 'a'.repeat(64) }) },
  'a name that is a path': { status: 400, says: /not a valid name/, ask: deploy({ service: '../there' }) },
  'an unknown namespace': {
    status: 400,
    says: /namespace nowhere does not exist.*create/,
    ask: deploy({ namespace: 'nowhere' }),
  },
  'a secret that does not exist': {
    status: 400,
    says: /secret absent does not exist.*faas-cli secret create absent/,
    ask: deploy({ secrets: ['there', 'absent'] }),
  },
  'a bad amount of memory': {
    status: 400,
    says: /limits\.memory "lots".*64Mi/,
    ask: deploy({ limits: { memory: 'lots' } }),
  },
  'a bad amount of cpu': { status: 400, says: /requests\.cpu "1x"/, ask: deploy({ requests: { cpu: '1x' } }) },
  'a limit too small to start in': { status: 400, says: /4Mi/, ask: deploy({ limits: { memory: '1Mi' } }) },
  'a capability that no function may have': {
    status: 400,
    says: /SYS_ADMIN.*a function may have/,
    ask: deploy({ annotations: { 'com.openfaas.berth.capabilities': 'SYS_ADMIN' } }),
  },
  'a profile': {
    status: 400,
    says: /annotation com\.openfaas\.profile asks for "gvisor": .*leave it out/,
    ask: deploy({ annotations: { 'com.openfaas.profile': 'gvisor' } }),
  },
  'a profile of an update': {
    status: 400,
    says: /com\.openfaas\.profile/,
    ask: update({ annotations: { 'com.openfaas.profile': 'gvisor' } }),
  },
  'a limit of GPUs': {
    status: 400,
    says: /limits nvidia\.com\/gpu: .*leave it out/,
    ask: deploy({ limits: { 'nvidia.com/gpu': '1' } }),
  },
  'a request of GPUs': {
    status: 400,
    says: /requests amd\.com\/gpu/,
    ask: deploy({ requests: { memory: '64Mi', 'amd.com/gpu': '2' } }),
  },
  'a variable that is no string': { status: 400, says: /envVars/, ask: deploy({ envVars: { A: 1 } }) },
  'a variable whose name has an equals sign': { status: 400, says: /"A=B"/, ask: deploy({ envVars: { 'A=B': 'c' } }) },
  'an image tag that does not exist': {
    status: 400,
    says: /fn:absent.*no such image: check its name and tag/,
    ask: () => deploy({ image: `${host.registry.host}/fn:absent` })(),
  },
  'an image that is not present, to be never pulled': {
    status: 400,
    says: /not present and pull policy is Never/,
    ask: () => {
      const annotations = { 'com.openfaas.image.pull-policy': 'Never' };
      return deploy({ image: `${host.registry.host}/fn:elsewhere`, annotations })();
    },
  },
  'an image that needs a login': {
    status: 400,
    says: /needs a.* login.*docker-config\.json/,
    ask: () => deploy({ image: `${locked.host}/private:latest` })(),
  },
  'an image behind a login that is wrong': {
    status: 400,
    says: /another login.*docker-config\.json/,
    ask: async () => {
      const auth = btoa(`tester:${registryPassword}`);
      const config = JSON.stringify({ auths: { [locked.host]: { auth } } });
      await writeFile(join(host.berth.folder, 'docker-config.json'), config);
      return deploy({ image: `${locked.host}/private:latest` })();
    },
  },
  'an image for other platforms': {
    status: 400,
    says: /linux\/s390x, linux\/ppc64le; this host is linux\/.*--platform/,
    ask: () => deploy({ image: images.foreign })(),
  },
  'what is no image': {
    status: 400,
    says: /no container image.*helm/,
    ask: () => deploy({ image: images.artifact })(),
  },
  'an image without a command': {
    status: 400,
    says: /no command.*ENTRYPOINT/,
    ask: () => deploy({ image: images.commandless })(),
  },
  'an image whose user it does not know': {
    status: 400,
    says: /nobody-known/,
    ask: () => deploy({ image: images.stranger })(),
  },
  'an image with more variables than a process can have': {
    status: 400,
    says: /variables and the command of image and deployment take together 2093056 bytes at most/,
    ask: () => deploy({ image: images.crowded })(),
  },
  'a registry that does not answer': {
    status: 502,
    says: /cannot reach/,
    ask: deploy({ image: '127.0.0.1:1/fn:latest' }),
  },
  'the deployment of a function that is there': {
    status: 409,
    says: /there\.openfaas-fn already exists: update it/,
    ask: deploy({ service: 'there' }),
  },
  'the update of an unknown function to a bad image': {
    status: 400,
    says: /no such image/,
    ask: () => update({ service: 'new', image: `${host.registry.host}/fn:absent` })(),
  },
  'the update to a tag that does not exist': {
    status: 400,
    says: /no such image/,
    ask: () => update({ image: `${host.registry.host}/fn:absent` })(),
  },
  'the update to an image that exits at once': {
    status: 400,
    says: /new version of there.*did not start, the old one stays.*exited with code 7/,
    ask: () => update({ image: images.exits })(),
  },
  'the update to an image without a command': {
    status: 400,
    says: /no command/,
    ask: () => update({ image: images.commandless })(),
  },
  'the removal of an unknown function': {
    status: 404,
    says: /new\.openfaas-fn not found/,
    ask: () => host.berth.api('DELETE', '/system/functions', { functionName: 'new' }),
  },
  'the status of an unknown function': {
    status: 404,
    says: /not found/,
    ask: () => host.berth.api('GET', '/system/function/new'),
  },
  'scaling an unknown function': {
    status: 404,
    says: /not found/,
    ask: () => host.berth.api('POST', '/system/scale-function/new', { replicas: 2 }),
  },
  'scaling below zero': {
    status: 400,
    says: /replicas must not be negative/,
    ask: () => host.berth.api('POST', '/system/scale-function/there', { replicas: -1 }),
  },
  'scaling beyond the addresses that there are': {
    status: 400,
    says: /replicas: 100000 is more than the 65533 addresses of the subnet/,
    ask: () => host.berth.api('POST', '/system/scale-function/there', { replicas: 100_000 }),
  },
  'the update to more replicas than there are addresses': {
    status: 400,
    says: /scale\.min: 999999 is more than the 65533 addresses of the subnet/,
    ask: update({ labels: { 'com.openfaas.scale.min': '999999' } }),
  },
  'a call of an unknown function': { status: 404, says: /new/, ask: () => host.berth.invoke('new') },
  'the logs of a name that is none': {
    status: 400,
    says: /not a valid name/,
    ask: () => host.berth.api('GET', '/system/logs?name=../there'),
  },
  'a secret whose name is a path': {
    status: 400,
    says: /"\.\.\/outside" is not a valid name/,
    ask: () => host.berth.api('POST', '/system/secrets', { name: '../outside', value: secretValue }),
  },
  'a secret without a name': {
    status: 400,
    says: /name is missing/,
    ask: () => host.berth.api('POST', '/system/secrets', { value: secretValue }),
  },
  'a secret that is there': {
    status: 409,
    says: /there already exists/,
    ask: () => host.berth.api('POST', '/system/secrets', { name: 'there', value: secretValue }),
  },
  'a secret whose body is broken': {
    status: 400,
    says: /not a JSON object/,
    ask: () => host.berth.api('POST', '/system/secrets', `{"name": "x", "value": "${secretValue}"`),
  },
  'a secret whose bytes are not base64': {
    status: 400,
    says: /rawValue is not base64/,
    ask: () => host.berth.api('POST', '/system/secrets', { name: 'new', rawValue: secretValue }),
  },
  'the update of an unknown secret': {
    status: 404,
    says: /secret new not found/,
    ask: () => host.berth.api('PUT', '/system/secrets', { name: 'new', value: secretValue }),
  },
  'the removal of the default namespace': {
    status: 400,
    says: /default namespace/,
    ask: () => host.berth.api('DELETE', '/system/namespace/openfaas-fn', { name: 'openfaas-fn' }),
  },
  'the removal of a namespace that is not empty': {
    status: 409,
    says: /full is not empty: remove secret there first/,
    ask: () => host.berth.api('DELETE', '/system/namespace/full', { name: 'full' }),
  },
  'a wrong password': {
    status: 401,
    says: /invalid credentials/,
    ask: async () => {
      const headers = { authorization: `Basic ${btoa(`admin:${registryPassword}`)}` };
      const response = await fetch(`${host.berth.url}/system/functions`, { headers });
      return { status: response.status, text: await response.text(), headers: response.headers };
    },
  },
};

for (const [what, refusal] of Object.entries(refusals)) {
  test.serial(
    `${what} is answered ${refusal.status} with one line that says why, and changes nothing`,
    isRefused,
    refusal,
  );
}

test.serial(
  'after all that was refused the function still answers, and no password is in an answer or in the log',
  async (t) => {
    t.is((await host.berth.invoke('there')).status, 200);
    const said = [...answers, await wholeLog(host.berth)].join('\n');
    for (const secret of [password, registryPassword, secretValue, btoa(`tester:${registryPassword}`)]) {
      t.false(said.includes(secret), `${secret} was told`);
      t.false(said.includes(btoa(secret)), `${secret} was told in base64`);
    }
    t.notRegex(said, /Bearer [\w.-]{20,}|Basic [\w=]{8,}/);
  },
);

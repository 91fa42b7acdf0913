/** What happens to a function, as it is told: by the API and by `berth events`. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { EventKind, SystemEvent } from '../../../src/provider/index.ts';
import { password, username } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startHost, type TestHost } from '../functions/setup.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
const headers = { accept: 'application/json', authorization: `Basic ${btoa(`${username}:${password}`)}` };

let host: TestHost;
test.before(async () => void (host = await startHost()));
test.after.always(() => host?.stop());

async function told(kind: EventKind, about = '?function=told'): Promise<SystemEvent> {
  const asked = `${host.berth.url}/system/events${about}`;
  const find = async () => {
    const recent = (await (await fetch(asked, { headers })).json()) as SystemEvent[];
    return recent.findLast((event) => event.kind === kind);
  };
  return until(find, { message: `the event ${kind}` });
}

async function asked(t: ExecutionContext, method: string, path: string, body: object): Promise<void> {
  const { status, text } = await host.berth.api(method, path, body);
  t.true(status < 300, `${method} ${path}: ${status} ${text}`);
}

test.serial('each change of a function is told, and its crash with the reason', async (t) => {
  const { reference: image } = await functionImage(host.registry);
  const service = 'told';
  const scale = '/system/scale-function/told';
  await asked(t, 'POST', '/system/functions', { service, image });
  t.is((await told('deployed')).text, `was deployed, of ${image}`);
  await told('replica-ready');
  t.regex((await told('image-pulled', '')).text, /^pulled \S+ in \d/);
  await asked(t, 'PUT', '/system/functions', { service, image, envVars: { A: '1' } });
  t.regex((await told('updated')).text, /^version \w+ of \S+ serves$/);
  const failing = { service, image, envVars: { EXIT_AT_START: '3' } };
  t.is((await host.berth.api('PUT', '/system/functions', failing)).status, 400);
  t.like(await told('update-failed'), { severity: 'error', name: 'told' });
  await asked(t, 'POST', scale, { serviceName: service, replicas: 2 });
  t.is((await told('scaled')).text, 'goes from 1 to 2 replicas, as was asked for');
  await asked(t, 'POST', scale, { serviceName: service, replicas: 0 });
  t.is((await told('asleep')).text, 'was put to sleep');
  t.is((await host.berth.invoke('told')).status, 200);
  t.regex((await told('woken')).text, /^was woken by a call, with \d replicas?$/);
  await host.berth.invoke('told/exit/7').catch(() => {});
  t.like(await told('replica-exited'), { severity: 'warn' });
  t.regex((await told('replica-exited')).text, /\b7\b/);
  await asked(t, 'POST', '/system/rollback-function/told', {});
  t.regex((await told('rolled-back')).text, /^goes back to the version before/);
  await asked(t, 'DELETE', '/system/functions', { functionName: service });
  t.is((await told('removed')).text, 'was removed');
});

test.serial('secrets and namespaces are told without what is in them', async (t) => {
  await asked(t, 'POST', '/system/secrets', { name: 'key', namespace: 'openfaas-fn', value: 'hidden-value' });
  t.is((await told('secret-changed', '?namespace=openfaas-fn')).text, 'secret key was created');
  await asked(t, 'POST', '/system/namespace/', { name: 'more' });
  t.is((await told('namespace-changed', '?namespace=more')).text, 'namespace more was created');
  const all = await (await fetch(`${host.berth.url}/system/events`, { headers })).text();
  t.false(all.includes('hidden-value'));
});

test.serial('berth events shows them, one a line', async (t) => {
  const { berth } = host;
  const env = { PATH: process.env.PATH, port: String(berth.port), secret_mount_path: join(berth.folder, 'auth') };
  const { stdout } = await run(process.execPath, [main, 'events', '--function', 'told'], { env });
  t.regex(stdout, /^\d{4}-\d\d-\d\dT\S+ told\.openfaas-fn: was deployed, of \S+$/m);
  t.regex(stdout, /^\S+ error: told\.openfaas-fn: the update to \S+ failed/m);
  const { stdout: json } = await run(process.execPath, [main, 'events', '--json'], { env });
  for (const line of json.trim().split('\n')) t.truthy((JSON.parse(line) as SystemEvent).id);
});

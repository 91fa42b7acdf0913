import test from 'ava';
import { Containerd } from '../../../src/containerd/index.ts';
import * as protos from '../../../src/containerd/protos.ts';

const { messages, ...services } = protos;

test('every method of the client has the name of its rpc', (t) => {
  const client = new Containerd({ address: '/nonexistent.sock' });
  const groups = Object.entries({ ...client, ...client.namespace('fn') }).filter(([name]) => name in services);
  t.is(groups.length, Object.keys(services).length - 1);
  // Some are named for what they do for the caller.
  const rpcs: Record<string, string> = {
    'namespaces.get': 'List',
    'containers.list': 'ListStream',
    'content.openWriter': 'Write',
    'content.readAll': 'Read',
  };
  for (const [service, group] of groups) {
    for (const method of Object.keys(group as object)) {
      const rpc = rpcs[`${service}.${method}`] ?? method.charAt(0).toUpperCase() + method.slice(1);
      t.true(rpc in services[service as keyof typeof services], `${service}.${method}`);
    }
  }
  t.deepEqual(Object.keys(services.version), ['Version']);
  client.close();
});

test('the services carry the names that containerd listens for', (t) => {
  const paths = Object.entries(services).flatMap(([name, definition]) =>
    Object.values(definition as Record<string, { path: string }>).map(({ path }) => ({ name, path })),
  );
  for (const { name, path } of paths) {
    t.true(path.toLowerCase().startsWith(`/containerd.services.${name}.v1.${name}/`), path);
  }
});

test('the messages that travel inside an Any are there', (t) => {
  for (const [name, message] of Object.entries(messages)) t.is(typeof message?.deserialize, 'function', name);
});

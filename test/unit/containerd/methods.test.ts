import test from 'ava';
import { Containerd } from '../../../src/containerd/index.ts';
import * as protos from '../../../src/containerd/protos.ts';

const { messages, ...services } = protos;

test('every rpc of the protos has a method of its name', (t) => {
  const client = new Containerd({ address: '/nonexistent.sock' });
  const namespaced = client.namespace('fn');
  const groupOf = (service: string) => {
    if (service === 'version') return client;
    return Object.entries({ ...client, ...namespaced }).find(([name]) => name === service)?.[1] as object;
  };
  // Two are told by what they do for the caller.
  const names: Record<string, string> = { 'containers.ListStream': 'list', 'content.Write': 'openWriter' };
  const rpcs = Object.entries(services).flatMap(([service, definition]) =>
    Object.keys(definition).map((rpc) => ({ service, rpc })),
  );
  t.true(rpcs.length > 50);
  for (const { service, rpc } of rpcs) {
    const method = names[`${service}.${rpc}`] ?? rpc.charAt(0).toLowerCase() + rpc.slice(1);
    t.is(typeof Reflect.get(groupOf(service), method), 'function', `${service}.${method}`);
  }
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

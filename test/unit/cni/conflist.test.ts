import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { CniError, loadConflist, parseConflist, sandboxAddress } from '../../../src/cni/index.ts';

const valid = { cniVersion: '0.4.0', name: 'openfaas', plugins: [{ type: 'bridge', bridge: 'b0' }] };

test('the conflist that berth ships with loads', async (t) => {
  const conflist = await loadConflist(join(import.meta.dirname, '../../../cni/10-openfaas.conflist'));
  t.is(conflist.name, 'openfaas');
  t.deepEqual(
    conflist.plugins.map(({ type }) => type),
    ['bridge'],
  );
});

test('fields that berth does not know are kept', (t) => {
  const conflist = parseConflist(JSON.stringify({ ...valid, disableCheck: true }));
  t.deepEqual(conflist, { ...valid, disableCheck: true });
});

for (const [what, broken] of Object.entries({
  'no plugins': { ...valid, plugins: [] },
  'a path as plugin type': { ...valid, plugins: [{ type: '../bridge' }] },
  'a path as name': { ...valid, name: 'a/b' },
  'no version': { ...valid, cniVersion: undefined },
})) {
  test(`a conflist with ${what} is refused`, (t) => {
    t.throws(() => parseConflist(JSON.stringify(broken)), { instanceOf: CniError, message: /is not a CNI conflist/ });
  });
}

test('a file that is missing or no JSON is named', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'conflist-test-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const file = join(dir, 'x.conflist');
  await t.throwsAsync(loadConflist(file), {
    instanceOf: CniError,
    message: `cannot read the network configuration ${file}`,
  });
  await writeFile(file, '{');
  await t.throwsAsync(loadConflist(file), { instanceOf: CniError, message: `${file} is not JSON` });
});

test('any text is either a conflist or a CniError', (t) => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((plugins) => JSON.stringify({ ...valid, plugins })),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        t.true(parseConflist(text).plugins.length > 0);
      } catch (error) {
        t.true(error instanceof CniError);
      }
    }),
  );
});

test('the address of a container is the one whose interface lies in the sandbox', (t) => {
  const host = fc.record({ name: fc.string() });
  const inside = fc.record({ name: fc.string(), sandbox: fc.constant('/run/netns/x') });
  fc.assert(
    fc.property(fc.array(host), fc.array(host), inside, fc.ipV4(), (before, after, own, ip) => {
      const interfaces = [...before, own, ...after];
      const others = interfaces.map((_, index) => ({ address: '192.0.2.9/24', interface: index }));
      const ips = [
        ...others.filter((other) => other.interface !== before.length),
        { address: `${ip}/16`, interface: before.length },
      ];
      t.deepEqual(sandboxAddress({ interfaces, ips }), { ip, gateway: undefined });
    }),
  );
});

test('a result without an address in a sandbox has none', (t) => {
  t.is(
    sandboxAddress({ interfaces: [{ name: 'veth0' }], ips: [{ address: '192.0.2.9/24', interface: 0 }] }),
    undefined,
  );
  t.is(sandboxAddress({ interfaces: [], ips: [] }), undefined);
});

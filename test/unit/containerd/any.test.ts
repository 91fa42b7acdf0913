import test from 'ava';
import fc from 'fast-check';
import { fromWireAny, runcOptionsAny, toWireAny } from '../../../src/containerd/any.ts';
import { jsonAny, parseJsonAny } from '../../../src/containerd/index.ts';
import { containers, messages } from '../../../src/containerd/protos.ts';
import { toDate } from '../../../src/containerd/timestamps.ts';

test('a JSON value with its type url comes through the wire as it was', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, typeUrl) => {
      const extensions = { x: toWireAny(jsonAny(typeUrl, value)) };
      const bytes = containers.Create.requestSerialize({ container: { id: 'a', extensions } });
      const { container } = containers.Create.requestDeserialize(bytes);
      const any = fromWireAny(container!.extensions['x']!);
      t.is(any.typeUrl, typeUrl);
      t.deepEqual(parseJsonAny(any), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('runtime options carry the type url that containerd 1.6 compares as a whole', (t) => {
  const { typeUrl, value } = runcOptionsAny({ binaryName: 'crun', systemdCgroup: true });
  t.is(typeUrl, 'containerd.runc.v1.Options');
  t.like(messages.RuncOptions.deserialize(value), { binaryName: 'crun', systemdCgroup: true });
});

test('a value that is not JSON is refused with its type', (t) => {
  t.throws(() => parseJsonAny({ typeUrl: 'x/y', value: Buffer.from('{') }), { message: /x\/y/ });
});

test('a timestamp becomes a date, and the zero time of Go becomes none', (t) => {
  t.deepEqual(toDate({ seconds: 1_700_000_000, nanos: 123_000_000 }), new Date(1_700_000_000_123));
  t.is(toDate({ seconds: -62_135_596_800, nanos: 0 }), undefined);
  t.is(toDate(null), undefined);
});

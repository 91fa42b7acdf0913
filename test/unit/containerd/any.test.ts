import test from 'ava';
import fc from 'fast-check';
import { fromWireAny, jsonAny, parseJsonAny, toWireAny } from '../../../src/containerd/any.ts';
import { containers } from '../../../src/containerd/protos.ts';
import { toDate } from '../../../src/containerd/timestamps.ts';

test('a JSON value with its type url comes through the wire as it was', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, typeUrl) => {
      const spec = toWireAny(jsonAny(typeUrl, value));
      const bytes = containers.Create.requestSerialize({ container: { id: 'a', spec } });
      const { container } = containers.Create.requestDeserialize(bytes);
      const any = fromWireAny(container!.spec!);
      t.is(any.typeUrl, typeUrl);
      t.deepEqual(parseJsonAny(any), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a value that is not JSON is refused with its type', (t) => {
  t.throws(() => parseJsonAny({ typeUrl: 'x/y', value: Buffer.from('{') }), { message: /x\/y/ });
});

test('a timestamp becomes a date, and the zero time of Go becomes none', (t) => {
  t.deepEqual(toDate({ seconds: 1_700_000_000, nanos: 123_000_000 }), new Date(1_700_000_000_123));
  t.is(toDate({ seconds: -62_135_596_800, nanos: 0 }), undefined);
  t.is(toDate(null), undefined);
});

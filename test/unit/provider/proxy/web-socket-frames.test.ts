import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { WebSocketFrames } from '../../../../src/provider/proxy/web-socket-frames.ts';

const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
const goingAwayMasked = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);

/** A frame whose payload is `length` bytes that would each be a header, if they were read as one. */
function frame(length: number, { masked = false } = {}): Buffer {
  const mask = masked ? 0x80 : 0;
  const payload = Buffer.alloc(length, 0x81);
  let header = Buffer.from([0x82, mask | length]);
  if (length > 65_535) {
    header = Buffer.from([0x82, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(BigInt(length), 2);
  } else if (length > 125) {
    header = Buffer.from([0x82, mask | 126, 0, 0]);
    header.writeUInt16BE(length, 2);
  }
  return Buffer.concat([header, masked ? Buffer.from([9, 8, 7, 6]) : Buffer.alloc(0), payload]);
}

for (const masked of [false, true]) {
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    test(`a stream of ${masked ? 'masked ' : ''}frames of ${length} bytes is ended after the frame under way`, async (t) => {
      const one = frame(length, { masked });
      for (const cutAt of new Set([1, 2, 3, 9, one.length - 1, one.length])) {
        if (cutAt < 1 || cutAt > one.length) continue;
        const frames = new WebSocketFrames({ masked });
        const passed = buffer(frames);
        frames.write(one);
        await new Promise((resolve) => frames.write(one.subarray(0, cutAt), resolve));
        frames.leave();
        frames.write(Buffer.concat([one.subarray(cutAt), one]));
        frames.write(one);
        const whole = Buffer.concat([one, one, masked ? goingAwayMasked : goingAway]);
        t.true((await passed).equals(whole), `cut at ${cutAt}`);
      }
    });
  }
}

test('a stream of frames that comes byte by byte is passed on as it is, and can be ended between any two', async (t) => {
  const sent = Buffer.concat([frame(200, { masked: true }), frame(3), frame(0)]);
  const frames = new WebSocketFrames({ masked: false });
  const passed = buffer(frames);
  for (const byte of sent) frames.write(Buffer.from([byte]));
  await new Promise((resolve) => frames.write(Buffer.alloc(0), resolve));
  frames.leave();
  t.deepEqual(await passed, Buffer.concat([sent, goingAway]));
});

test('a stream of frames that has ended says no goodbye', async (t) => {
  const frames = new WebSocketFrames({ masked: false });
  const passed = buffer(frames);
  frames.end(frame(5));
  t.deepEqual(await passed, frame(5));
  t.notThrows(() => frames.leave());
});

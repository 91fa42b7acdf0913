import test, { type ExecutionContext } from 'ava';
import { HostKeeper } from '../../../../../src/backends/containerd/network/host-keeper.ts';
import type { KeptLook, KeptPart } from '../../../../../src/backends/containerd/network/kept-part.ts';
import { createLog } from '../../../../../src/base/log.ts';
import { until } from '../../../../helpers/poll.ts';

function part(name: string, keep: () => Promise<KeptLook>, { hasEvents = false, everyMs = 20 } = {}): KeptPart {
  return { name, everyMs, hasEvents, keep };
}

function keeper(t: ExecutionContext, parts: KeptPart[]) {
  const lines: string[] = [];
  const stopping = new AbortController();
  let changed = () => {};
  const monitor = (ring: () => void, signal: AbortSignal) => {
    changed = ring;
    return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
  const made = new HostKeeper({ parts, log: createLog({ write: (line) => lines.push(line) }), monitor });
  const running = made.run(stopping.signal);
  t.teardown(async () => {
    stopping.abort();
    await running;
  });
  return { keeper: made, lines, ring: () => changed() };
}

test('a part that fails is tried again beside the others, named for what it is, and said once', async (t) => {
  const looks = { firewall: 0, forwarding: 0 };
  const { keeper: host, lines } = keeper(t, [
    part('firewall', () => {
      looks.firewall += 1;
      return looks.firewall < 3 ? Promise.reject(new Error('nft: Operation not permitted')) : Promise.resolve({});
    }),
    part('forwarding', () => {
      looks.forwarding += 1;
      return Promise.resolve({});
    }),
  ]);
  await until(() => looks.firewall === 1 && looks.forwarding > 0);
  t.deepEqual(host.parts, [
    {
      name: 'firewall',
      healthy: false,
      problem: "the host's firewall could not be put right, will try again, error: nft: Operation not permitted",
    },
    { name: 'forwarding', healthy: true },
  ]);
  await until(() => looks.firewall > 3);
  t.true(host.parts.every(({ healthy }) => healthy));
  t.is(lines.filter((line) => line.includes('Operation not permitted')).length, 1);
  t.is(lines.filter((line) => line.includes("the host's firewall is right again")).length, 1);
});

test('an event is followed by a look long before the next is due', async (t) => {
  let looks = 0;
  const count = () => Promise.resolve({ mended: [`look ${++looks}`] });
  const { lines, ring } = keeper(t, [part('firewall', count, { hasEvents: true, everyMs: 3_600_000 })]);
  await until(() => looks === 1);
  ring();
  await until(() => looks === 2);
  t.regex(lines.join(''), /put the host's network right part=firewall what="look 2"/);
});

test('what is undone again and again is put right each time and said once', async (t) => {
  let looks = 0;
  const { lines } = keeper(t, [
    part('forwarding', () => Promise.resolve({ mended: [`switched off${looks++ ? '' : ''}`] })),
  ]);
  await until(() => looks > 2);
  t.is(lines.filter((line) => line.includes('switched off')).length, 1);
});

test('a problem for the operator is said once with its fields, a note leaves the part healthy', async (t) => {
  let looks = 0;
  const problems = [{ message: 'a firewall stops functions', fields: { run: 'nft insert rule' } }];
  const notes = [{ message: 'no name server', isNote: true }];
  const { keeper: host, lines } = keeper(t, [
    part('host_firewall', () => {
      looks += 1;
      return Promise.resolve({ problems });
    }),
    part('dns', () => Promise.resolve({ problems: notes })),
  ]);
  await until(() => looks > 2);
  t.deepEqual(host.parts, [
    {
      name: 'host_firewall',
      healthy: false,
      problem: 'a firewall stops functions, run: nft insert rule',
      mend: 'nft insert rule',
    },
    { name: 'dns', healthy: true },
  ]);
  t.is(lines.filter((line) => line.includes('a firewall stops functions run="nft insert rule"')).length, 1);
  t.is(lines.filter((line) => line.includes('no name server')).length, 1);
});

test('a part that follows from the others is looked at when one was put right, and well in one respect and not in another', async (t) => {
  let looks = 0;
  let isHarmed = false;
  const problems = [{ message: 'functions do not reach the gateway', part: 'reach_gateway' }];
  const following = part('self_test', () => {
    looks += 1;
    return Promise.resolve(looks === 1 ? { problems } : {});
  });
  const { keeper: host } = keeper(t, [
    part('bridge', () => Promise.resolve(isHarmed ? { mended: ['the bridge was down'] } : {})),
    { ...following, covers: ['reach_gateway', 'reach_dns'], followsOthers: true, everyMs: 3_600_000 },
  ]);
  await until(() => looks === 1);
  t.deepEqual(
    host.parts.map(({ name, healthy }) => [name, healthy]),
    [
      ['bridge', true],
      ['reach_gateway', false],
      ['reach_dns', true],
    ],
  );
  isHarmed = true;
  await until(() => looks === 2);
  t.true(host.parts.every(({ healthy }) => healthy));
});

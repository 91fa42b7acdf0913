import { startNginx } from './nginx.ts';
import { cpuMicros, peakMegabytes, resetPeak } from './process-figures.ts';
import { startProgram } from './program.ts';
import { addressOf, deployed, startWorld, type Bench, type World } from './world.ts';
import { load } from './wrk.ts';

const path = '/function/bench/';
const group = 'calls';

interface Contender {
  name: string;
  url: string;
  /** Whose processor time is told. */
  pid?: number;
  prefix?: string[];
}

interface Case {
  name: string;
  connections: number;
  /** Below the function's own address. */
  path: string;
  bodyBytes?: number;
}

const kinds = [
  { kind: 'GET', path: '' },
  { kind: 'POST 1 KiB', path: '', bodyBytes: 1024 },
  { kind: 'POST 100 KiB', path: '', bodyBytes: 100 * 1024 },
  { kind: '10 MiB response', path: 'big' },
];

function casesOf({ quick, match }: Bench, road: string): Case[] {
  const counts = !quick && road === 'fast' ? [1, 16, 64, 256] : [16, 64];
  const all = kinds.flatMap(({ kind, ...rest }) =>
    counts.map((connections) => ({
      ...rest,
      connections,
      name: `${kind}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    })),
  );
  return all.filter(({ name }) => match.test(name));
}

/** Loads a function through each road of berth, through nginx and directly, one right after the other. */
export async function benchCalls(bench: Bench): Promise<void> {
  await using world = await startWorld(bench, { proxy: 'fast' });
  await deployed(world.berth, { service: 'bench', image: world.image, envVars: { VERSION: 'ok' } });
  const address = `${await addressOf(world, 'bench')}:8080`;
  await using nginx = await startNginx(address, path);
  await using plain = await startProgram('plain-proxy.ts', ...address.split(':'), path);
  await using relay = await startProgram('relay.ts', ...address.split(':'));
  const others: Contender[] = [
    { name: 'nginx', url: nginx.url + path, pid: nginx.pid },
    { name: 'plain proxy', url: plain.url + path.slice(1), pid: plain.pid },
    { name: 'Node relay', url: relay.url, pid: relay.pid },
    { name: 'direct', url: `http://${address}/` },
  ];
  if (bench.peer) others.push({ name: 'peer', url: `${await bench.peer.prepare()}/`, prefix: bench.peer.prefix });
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) {
    for (const road of ['fast', 'http-proxy']) {
      bench.say(`calls, round ${round + 1}, proxy=${road}`);
      await restart(world, road);
      const ours = { name: road, url: `${world.berth.url}${path}`, pid: world.berth.pid };
      await warmUp(ours);
      const beside = road === 'fast' ? others : others.slice(0, 1);
      for (const one of casesOf(bench, road)) await measureInTurn(bench, one, [ours, ...beside], round);
    }
  }
}

/** The one that goes first is another one each round. */
async function measureInTurn(bench: Bench, one: Case, contenders: Contender[], round: number): Promise<void> {
  const first = round % contenders.length;
  for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
    await measure(bench, one, contender);
  }
}

async function measure({ figures, quick }: Bench, one: Case, { name, url, pid, prefix }: Contender): Promise<void> {
  const { name: what, connections, bodyBytes } = one;
  const isBig = one.path !== '';
  const seconds = quick ? 1 : 2;
  const before = pid ? await cpuMicros(pid) : 0;
  if (pid) await resetPeak(pid);
  const result = await load(url + one.path, { connections, bodyBytes, prefix, seconds });
  const micros = pid ? (await cpuMicros(pid)) - before : 0;
  const add = (measured: string, unit: string, value: number) =>
    figures.add(group, `${what}: ${measured}`, unit, name, value);
  if (result.failed > 0) add('failed', 'calls', result.failed);
  if (isBig) {
    add('rate', 'MB/s', result.megabytesPerSecond);
    if (pid) add('processor', 'µs a MB', micros / (result.megabytesPerSecond * seconds));
    if (pid) add('peak resident', 'MB', await peakMegabytes(pid));
  } else {
    add('rate', '/s', result.perSecond);
    add('p50', 'ms', result.p50Ms);
    add('p99', 'ms', result.p99Ms);
    if (pid) add('processor', 'µs a call', micros / result.answered);
  }
}

async function warmUp({ url }: Contender): Promise<void> {
  await load(url, { connections: 16, seconds: 2 });
  for (const { path: below, bodyBytes } of kinds.slice(1)) {
    await load(url + below, { connections: 16, seconds: 1, bodyBytes });
  }
}

async function restart({ berth }: World, proxy: string): Promise<void> {
  await berth.kill();
  await berth.start({ env: { proxy } });
}

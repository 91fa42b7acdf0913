import { once } from 'node:events';
import type { Dns } from '../../../provider/index.ts';
import type { Log } from '../../../base/log.ts';
import { runProgram } from '../../../base/run-program.ts';
import type { HostLinks } from './host-links.ts';
import type { HostProblem, KeptLook, KeptPart } from './kept-part.ts';
import { NetworkError } from './network-error.ts';
import { readResolvConf } from './prepare-files.ts';

export interface SelfTestOptions {
  gateway: string;
  gatewayPort: number;
  bridge: string;
  resolvConfPaths: string[];
  dns?: Dns;
  readLinks: () => Promise<HostLinks>;
  /** Calls `test` with a network namespace that is attached as a function's is, and takes it away again. */
  attached: <T>(test: (place: TestPlace) => Promise<T>) => Promise<T>;
  /** Commands that are known to let functions through firewalls of the host. */
  commandsFor: (hook: PassedHook) => string[];
  /** Resolves when the rest of the host has been looked at. */
  prepared: () => Promise<void>;
  log: Log;
}

export interface TestPlace {
  netnsPath: string;
  ip: string;
}

type PassedHook = 'input' | 'forward';

/** What a function has to reach. */
interface Goal {
  part: (typeof goalParts)[number];
  /** What it is, for the log. */
  what: string;
  message: string;
  hook: PassedHook;
  /** Programs that exit with 0 where it is reached. */
  byFunction: (place: TestPlace) => string[];
  byHost: string[];
}

/** What trying to reach something from a function's place has come to. */
export interface Trial {
  /** What it is, such as `the name server 192.0.2.53`. */
  what: string;
  /** `unknown` where the host itself does not reach it, which says nothing about functions. */
  outcome: 'reached' | 'missed' | 'unknown';
  /** What is wrong where it is missed, with the commands that mend it where they are known. */
  problem: HostProblem;
}

const goalParts = ['reach_gateway', 'reach_dns', 'reach_outside'] as const;

const provenMs = 10 * 60_000;
const failingMs = 60_000;
const firstAgainMs = 2000;

/** An address that nobody has (RFC 5737): the kernel is asked how it would send to it, and nothing is sent. */
const nobody = '203.0.113.1';

/** A question for the servers of the root zone, and any answer to it. */
const askForRoot = `exec 3<>"/dev/udp/$0/53" || exit 1
for try in 1 2 3; do
  printf 'rt\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0\\2\\0\\1' >&3
  read -r -t 1 -N 1 -u 3 && exit 0
done
exit 1`;

/**
 * Tries from a network namespace like a function's whether gateway, name servers and the way out are reached. What the
 * host does not reach itself says nothing about functions. Nobody is asked but the host's own name servers, for the root
 * and so for no name, and its routers, for an echo.
 */
export class SelfTest implements KeptPart {
  readonly name = 'self_test';
  readonly covers = goalParts;
  readonly hasEvents = false;
  readonly followsOthers = true;
  readonly #options: SelfTestOptions;
  #everyMs = firstAgainMs;
  #said = '';

  constructor(options: SelfTestOptions) {
    this.#options = options;
  }

  get everyMs(): number {
    return this.#everyMs;
  }

  async keep(signal: AbortSignal): Promise<KeptLook> {
    await this.#options.prepared();
    const trials = await this.attempt(signal).catch(withoutRoom);
    const missed = trials.filter(({ outcome }) => outcome === 'missed');
    const reached = trials.filter(({ outcome }) => outcome === 'reached');
    this.#say(reached);
    const isGatewayProven = reached.some(({ problem }) => problem.part === 'reach_gateway');
    // The daemon that is the gateway may still be starting.
    const againMs = isGatewayProven ? provenMs : Math.min(this.#everyMs * 2, failingMs);
    this.#everyMs = missed.length > 0 ? failingMs : againMs;
    return { problems: missed.map(({ problem }) => problem) };
  }

  /**
   * Tries everything once.
   * @throws NetworkError where no function could be attached now
   */
  async attempt(signal: AbortSignal): Promise<Trial[]> {
    const goals = await this.#goals();
    return this.#options.attached((place) =>
      untilAborted(signal, Promise.all(goals.map((goal) => this.#try(goal, place)))),
    );
  }

  async #try(goal: Goal, place: TestPlace): Promise<Trial> {
    return { what: goal.what, outcome: await outcomeOf(goal, place), problem: this.#problem(goal) };
  }

  #say(reached: Trial[]): void {
    const whats = reached.map(({ what }) => what).join(', ');
    if (whats !== this.#said && whats !== '')
      this.#options.log.info('functions reach what they need', { tried: whats });
    this.#said = whats;
  }

  async #goals(): Promise<Goal[]> {
    const { gateway, gatewayPort, resolvConfPaths, dns, readLinks } = this.#options;
    const { nameservers } = await readResolvConf(resolvConfPaths, gateway, dns);
    const { routers } = await readLinks();
    const connect = ['timeout', '2', 'bash', '-c', 'exec 3<>"/dev/tcp/$0/$1"', gateway, String(gatewayPort)];
    return [
      within('reach_gateway', {
        what: `the gateway http://${gateway}:${gatewayPort}`,
        hook: 'input',
        command: connect,
      }),
      ...nameservers.map((server) =>
        within('reach_dns', {
          what: `the name server ${server}`,
          hook: server === gateway ? 'input' : 'forward',
          command: ['timeout', '4', 'bash', '-c', askForRoot, server],
        }),
      ),
      this.#route(),
      ...routers.map((router) =>
        within('reach_outside', {
          what: `the router ${router}`,
          hook: 'forward',
          command: ['ping', '-n', '-q', '-c', '1', '-W', '2', router],
        }),
      ),
    ];
  }

  #route(): Goal {
    const byHost = ['ip', 'route', 'get', nobody];
    return {
      part: 'reach_outside',
      what: 'a route out',
      message: "functions have no route out, as this host has: look at 'ip rule' and at net.ipv4.conf.*.rp_filter",
      hook: 'forward',
      byFunction: ({ ip }) => [...byHost, 'from', ip, 'iif', this.#options.bridge],
      byHost,
    };
  }

  #problem({ part, message, hook }: Goal): HostProblem {
    const commands = this.#options.commandsFor(hook);
    return { part, message, fields: commands.length > 0 ? { run: commands.join('; ') } : {} };
  }
}

function within(
  part: Goal['part'],
  { what, hook, command }: { what: string; hook: PassedHook; command: string[] },
): Goal {
  return {
    part,
    what,
    message: `functions do not reach ${what}, as this host does`,
    hook,
    byFunction: ({ netnsPath }) => ['nsenter', `--net=${netnsPath}`, ...command],
    byHost: command,
  };
}

async function outcomeOf({ byFunction, byHost }: Goal, place: TestPlace): Promise<Trial['outcome']> {
  if (await goesWell(byFunction(place))) return 'reached';
  return (await goesWell(byHost)) ? 'missed' : 'unknown';
}

function goesWell([program = '', ...args]: string[]): Promise<boolean> {
  return runProgram(program, { args, timeoutMs: 5000 }).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}

async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const aborted = once(signal, 'abort', { signal: done.signal }).then(() => Promise.reject(new Error('stopped')));
  try {
    return await Promise.race([work, aborted]);
  } finally {
    aborted.catch(() => undefined);
    done.abort();
  }
}

/** Where all addresses are taken, or functions cannot be kept apart at the moment, that is said elsewhere. */
function withoutRoom(error: unknown): [] {
  if (error instanceof NetworkError) return [];
  throw error;
}

/**
 * A machine of its own with a kernel of its own, which these checks install berth on, load, and cut the power of.
 *
 * $MACHINE is a command that keeps such machines, Debian with cgroup v2, systemd, npm and a way to the packages' registries:
 *   $MACHINE up NAME              makes it and boots it
 *   $MACHINE run NAME COMMAND...  runs a command inside as root, with this standard input
 *   $MACHINE copy NAME FROM TO    copies a file into it
 *   $MACHINE url NAME             prints where its port 8080 answers here
 *   $MACHINE cut NAME             cuts its power: nothing that is not on its disk is left
 *   $MACHINE boot NAME            powers it on again
 *   $MACHINE down NAME            deletes it
 * A machine reaches this one at the address of its default route. $KEEP leaves the machine up at the end, and one that is
 * up already is used as it is.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import type { TestRegistry } from '../../helpers/registry.ts';

const checkout = join(import.meta.dirname, '../../..');
const bootMs = 300_000;

export interface Answer {
  status: number;
  text: string;
}

export class Machine {
  readonly #name: string;
  readonly #url: string;
  #authorization = '';

  private constructor(name: string, url: string) {
    this.#name = name;
    this.#url = url;
  }

  static async up(name: string): Promise<Machine> {
    const isUp = await tool('run', [name, 'true']).then(
      () => true,
      () => false,
    );
    if (!isUp) await tool('up', [name]);
    return new Machine(name, (await tool('url', [name])).trim());
  }

  /** Runs a shell script inside and answers what it prints. */
  run(script: string): Promise<string> {
    return tool('run', [this.#name, 'sh', '-eus'], script);
  }

  /** Installs berth as its README says, from what git has of this checkout. */
  async installBerth(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'machine-'));
    const archive = join(folder, 'berth.tar');
    try {
      await run('git', ['-C', checkout, 'archive', '--output', archive, 'HEAD']);
      await tool('copy', [this.#name, archive, '/root/berth.tar']);
    } finally {
      await rm(folder, { recursive: true });
    }
    await this.run('mkdir -p /root/berth && tar -xf /root/berth.tar -C /root/berth && sh /root/berth/install.sh');
    const password = await this.run('cat /etc/berth/auth/basic-auth-password');
    this.#authorization = `Basic ${btoa(`admin:${password}`)}`;
  }

  /** Lets the machine pull from this one's registry; answers the registry's name there. */
  async reachRegistry({ url }: TestRegistry): Promise<string> {
    const address = (await this.run("ip route show default | awk '{ print $3; exit }'")).trim();
    const host = `${address}:${new URL(url).port}`;
    await this.run(`
      mkdir -p /etc/containerd/certs.d/${host}
      echo 'server = "http://${host}"' >/etc/containerd/certs.d/${host}/hosts.toml`);
    return host;
  }

  /** A request with the password. An object becomes a JSON body. */
  async api(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: this.#authorization },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  /**
   * Asks the API.
   * @throws Error for anything but success
   */
  async ask(method: string, path: string, body?: unknown): Promise<string> {
    const answer = await this.api(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text;
  }

  /** The status of a function; undefined where there is none. */
  async status(name: string, query = ''): Promise<FunctionStatus | undefined> {
    const { status, text } = await this.api('GET', `/system/function/${name}?${query}`);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`status of ${name}: ${status} ${text}`);
    return JSON.parse(text) as FunctionStatus;
  }

  /** Waits until every wanted replica is ready; answers after how many milliseconds. */
  async ready(name: string, namespace = 'openfaas-fn'): Promise<number> {
    const start = performance.now();
    await until(
      async () => {
        const status = await this.status(name, `namespace=${namespace}`);
        return status !== undefined && status.replicas > 0 && status.availableReplicas === status.replicas;
      },
      { timeoutMs: 120_000, intervalMs: 200, message: `${name} to be ready` },
    );
    return Math.round(performance.now() - start);
  }

  /** Deploys (POST) or updates (PUT) a function and waits until it is ready. */
  async deploy(method: 'POST' | 'PUT', deployment: Deployment): Promise<void> {
    await this.ask(method, '/system/functions', deployment);
    await this.ready(deployment.service, deployment.namespace);
  }

  /** Calls a function, without the password. */
  async invoke(path: string): Promise<Answer> {
    const response = await fetch(`${this.#url}/function/${path}`, { signal: AbortSignal.timeout(60_000) });
    return { status: response.status, text: await response.text() };
  }

  async cutPower(): Promise<void> {
    await tool('cut', [this.#name]);
  }

  /** Powers on and waits until berth is healthy; answers after how many milliseconds. */
  async boot(): Promise<number> {
    const start = performance.now();
    await tool('boot', [this.#name]);
    await until(async () => (await fetch(`${this.#url}/healthz`)).ok, {
      timeoutMs: bootMs,
      intervalMs: 250,
      message: 'berth to be healthy after a boot',
    });
    return Math.round(performance.now() - start);
  }

  async down(): Promise<void> {
    if (process.env.KEEP === undefined) await tool('down', [this.#name]);
  }
}

export interface Deployment {
  service: string;
  image: string;
  namespace?: string;
  envVars?: Record<string, string>;
  labels?: Record<string, string>;
  secrets?: string[];
  limits?: { memory?: string; cpu?: string };
  requests?: { memory?: string; cpu?: string };
}

export interface FunctionStatus {
  replicas: number;
  availableReplicas: number;
  image: string;
  berth?: { lastExit?: string };
  usage?: { cpu: number; totalMemoryBytes: number };
}

/** Prints what holds, with its figures. */
export function holds(what: string): void {
  console.log(`  ✔ ${what}`);
}

async function tool(verb: string, args: string[], stdin = ''): Promise<string> {
  const command = process.env.MACHINE;
  if (!command) throw new Error('MACHINE names no command: see the top of test/soak/machine/machine.ts');
  const child = spawn(command, [verb, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const code = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve));
  child.stdin.on('error', () => undefined).end(stdin);
  const [output, complaint, status] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  if (status !== 0) throw new Error(`${verb} ${args.join(' ')} ended with ${status}: ${complaint.trim() || output}`);
  return output;
}

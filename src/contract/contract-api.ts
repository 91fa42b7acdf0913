import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../base/monotonic.ts';
import type { ContractTarget } from './contract-target.ts';

export interface ContractAnswer {
  status: number;
  text: string;
  headers: Headers;
}

/** A function's status, as far as the contract says. */
export interface ContractStatus {
  name: string;
  namespace: string;
  image: string;
  envProcess?: string;
  envVars?: Record<string, string>;
  secrets?: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  limits?: Record<string, string>;
  readOnlyRootFilesystem?: boolean;
  replicas: number;
  availableReplicas: number;
  berth?: { reason?: string; failedUpdate?: string };
}

const pollMs = 100;
const accepted = [200, 202];

/** Client of the API that is tried, with what the cases have in common. */
export class ContractApi {
  readonly target: ContractTarget;
  readonly namespace: string;

  constructor(target: ContractTarget) {
    this.target = target;
    this.namespace = target.namespace ?? 'openfaas-fn';
  }

  /** Asks with the password; a body that is no string is sent as JSON. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ContractAnswer> {
    const sent = new Headers(headers);
    const { user, password } = this.target.credentials ?? {};
    if (user !== undefined && !sent.has('Authorization'))
      sent.set('Authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const signal = AbortSignal.timeout(this.#patienceMs);
    const reply = await fetch(this.target.url + path, {
      method,
      headers: sent,
      body: text,
      redirect: 'manual',
      signal,
    });
    return { status: reply.status, text: await reply.text(), headers: reply.headers };
  }

  /** Calls and asserts the status of the answer. */
  async expect(status: number | number[], method: string, path: string, body?: unknown): Promise<ContractAnswer> {
    const answer = await this.call(method, path, body);
    const wanted = [status].flat();
    assert.ok(
      wanted.includes(answer.status),
      `${method} ${path}: ${answer.status}, not ${wanted.join()}: ${answer.text}`,
    );
    return answer;
  }

  /** Asks, and returns the answer's JSON. */
  async read<T>(path: string): Promise<T> {
    return JSON.parse((await this.expect(200, 'GET', path)).text) as T;
  }

  /** Calls a function, without the password. */
  async invoke(name: string, path = this.target.echoPath ?? '/', body = 'hello'): Promise<ContractAnswer> {
    return this.call('POST', `/function/${name}${path}`, body, { Authorization: 'none' });
  }

  /** Calls a function until it answers 200 with the body it was sent. */
  async answers(name: string): Promise<void> {
    const body = randomBytes(8).toString('hex');
    await this.until(`an answer of ${name}`, async () => {
      const { status, text } = await this.invoke(name, undefined, body);
      return status === 200 && text === body;
    });
  }

  /** Returns a deployment with a name of its own. */
  deployment<T extends object>(fields: T = {} as T) {
    const { image, envProcess } = this.target;
    return { service: freshName('contract'), namespace: this.namespace, image, envProcess, ...fields };
  }

  /** Deploys a function and waits until it is ready; it is removed when it goes out of scope. */
  async deployed(fields: object = {}): Promise<DeployedFunction> {
    const deployment = this.deployment(fields);
    const fn = new DeployedFunction(this, deployment.service, deployment.namespace);
    await this.expect(accepted, 'POST', '/system/functions', deployment);
    await fn.ready(1);
    return fn;
  }

  /** Replaces a function's deployment. */
  async update(fn: DeployedFunction, fields: object): Promise<void> {
    const { name: service, namespace } = fn;
    await this.expect(accepted, 'PUT', '/system/functions', this.deployment({ service, namespace, ...fields }));
  }

  async list(namespace = this.namespace): Promise<ContractStatus[]> {
    return this.read(`/system/functions?namespace=${namespace}`);
  }

  /**
   * Polls until the condition holds.
   * @throws AssertionError when it does not in time
   */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = monotonicMs() + this.#patienceMs;
    while (!(await holds())) {
      assert.ok(monotonicMs() < deadline, `${what}: not within ${this.#patienceMs} ms`);
      await sleep(pollMs);
    }
  }

  get #patienceMs(): number {
    return this.target.patienceMs ?? 60_000;
  }
}

/** A function that a case has deployed. */
export class DeployedFunction implements AsyncDisposable {
  readonly name: string;
  readonly namespace: string;
  readonly #api: ContractApi;

  constructor(api: ContractApi, name: string, namespace: string) {
    this.#api = api;
    this.name = name;
    this.namespace = namespace;
  }

  /** What a caller calls it. */
  get fullName(): string {
    return `${this.name}.${this.namespace}`;
  }

  async status(): Promise<ContractStatus> {
    return this.#api.read(`/system/function/${this.name}?namespace=${this.namespace}`);
  }

  /** Waits until so many replicas take calls, and no more are wanted. */
  async ready(replicas: number): Promise<void> {
    await this.#api.until(`${replicas} replicas of ${this.name}`, async () => {
      const status = await this.status();
      return status.availableReplicas === replicas && status.replicas === replicas;
    });
  }

  async scale(replicas: number): Promise<void> {
    const { name: serviceName, namespace } = this;
    await this.#api.expect(accepted, 'POST', `/system/scale-function/${serviceName}`, {
      serviceName,
      namespace,
      replicas,
    });
  }

  async remove(): Promise<ContractAnswer> {
    return this.#api.call('DELETE', '/system/functions', { functionName: this.name, namespace: this.namespace });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { status, text } = await this.remove();
    assert.ok([200, 202, 404].includes(status), `cannot remove ${this.fullName}: ${text}`);
  }
}

/** Makes a DNS label that nothing has. */
export function freshName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}

import {
  FunctionNotFoundError,
  NoEndpointsError,
  type Endpoint,
  type FunctionName,
  type FunctionStatus,
  type Peers,
  type Provider,
  type ResolveOptions,
  type ScaleOptions,
} from '../../../src/provider/index.ts';

type Scaled = [name: string, replicas: number, options?: ScaleOptions];

/** A provider whose functions are all one HTTP server on `port`, and which remembers how it was scaled. */
export class CountingProvider implements Provider {
  readonly scaled: Scaled[] = [];
  readonly functions = new Map<string, FunctionStatus>();
  /** Replicas are not ready before `becomeReady`. */
  slow = false;
  peers?: Peers;
  statusCalls = 0;
  readonly #port: number;
  #waiting: (() => void)[] = [];

  constructor(port = 0) {
    this.#port = port;
  }

  add(name: string, replicas: number, labels: Record<string, string> = {}, namespace = 'openfaas-fn'): FunctionStatus {
    const status = {
      name,
      namespace,
      image: 'test',
      labels,
      annotations: {},
      replicas,
      availableReplicas: replicas,
      createdAt: '2026-01-01T00:00:00Z',
    };
    this.functions.set(`${name}.${namespace}`, status);
    return status;
  }

  becomeReady(): void {
    for (const status of this.functions.values()) status.availableReplicas = status.replicas;
    for (const look of this.#waiting.splice(0)) look();
  }

  info() {
    return Promise.resolve({ provider: 'test', orchestration: 'none', version: { release: '1', sha: 'abc' } });
  }

  deploy() {
    return Promise.resolve('ready' as const);
  }

  update() {
    return Promise.resolve('ready' as const);
  }

  remove(name: FunctionName): Promise<void> {
    this.functions.delete(`${name.name}.${name.namespace}`);
    return Promise.resolve();
  }

  list(namespace: string): Promise<FunctionStatus[]> {
    const here = [...this.functions.values()].filter((status) => status.namespace === namespace);
    return Promise.resolve(here.map((status) => ({ ...status })));
  }

  async status(name: FunctionName): Promise<FunctionStatus> {
    this.statusCalls += 1;
    await Promise.resolve();
    return { ...this.#find(name) };
  }

  async scale(fn: FunctionName, replicas: number, options?: ScaleOptions): Promise<void> {
    await Promise.resolve();
    const status = this.#find(fn);
    this.scaled.push([fn.name, replicas, options]);
    status.replicas = replicas;
    status.availableReplicas = this.slow ? 0 : replicas;
    if (!this.slow) this.becomeReady();
  }

  async resolve(fn: FunctionName, { waitMs = 0 }: ResolveOptions): Promise<Endpoint> {
    const status = this.#find(fn);
    if (status.availableReplicas === 0 && waitMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      const timer = setTimeout(resolve, waitMs);
      await promise;
      clearTimeout(timer);
    }
    if (status.availableReplicas === 0) throw new NoEndpointsError(fn);
    return { hostname: '127.0.0.1', port: this.#port, release: () => {} };
  }

  #find(fn: FunctionName): FunctionStatus {
    const status = this.functions.get(`${fn.name}.${fn.namespace}`);
    if (!status) throw new FunctionNotFoundError(fn);
    return status;
  }
}

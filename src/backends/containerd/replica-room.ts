import { freemem, totalmem } from 'node:os';
import type { Log } from '../../base/log.ts';
import {
  BadRequestError,
  fullName,
  resourcesOf,
  type FullName,
  type FunctionDeployment,
} from '../../provider/index.ts';

/** What is left for berth, containerd and the host when replicas are added by load. */
const reservedShare = 0.05;

export interface ReplicaRoomOptions {
  /** How many replicas the subnet has addresses for. */
  addresses: number;
  /** How many replicas there are now, of all functions; none unless given. */
  taken?: () => number;
  /** Bytes of memory of the host, all and what processes can have now; the host's own unless given. */
  memory?: { total: () => number; available: () => number };
  log: Log;
}

interface Bound {
  replicas: number;
  /** What there are no more of, and what to do. */
  reason: string;
}

/** Says how many replicas of a function this host has room for: addresses of the subnet, and memory as the function asks for it. */
export class ReplicaRoom {
  readonly #addresses: number;
  readonly #taken: () => number;
  readonly #memory: { total: () => number; available: () => number };
  readonly #log: Log;
  readonly #told = new Set<FullName>();

  constructor({
    addresses,
    taken = () => 0,
    memory = { total: totalmem, available: freemem },
    log,
  }: ReplicaRoomOptions) {
    this.#addresses = addresses;
    this.#taken = taken;
    this.#memory = memory;
    this.#log = log;
  }

  /** @throws BadRequestError for more replicas than the host can ever have room for, naming the field */
  require(field: string, deployment: FunctionDeployment, replicas: number): void {
    const { replicas: most, reason } = this.#most(deployment);
    if (replicas > most) throw new BadRequestError(`${field}: ${replicas} is more than ${reason}`);
  }

  /**
   * Bounds what load asks for, also by the memory and the addresses that are free now, and warns once of what is not given.
   * @param from replicas that there are, which are not taken away; 0 for a function that is to wake
   */
  given(deployment: FunctionDeployment, from: number, to: number): number {
    const bounds = [this.#most(deployment)];
    if (from > 0 && to > from) bounds.push(this.#freeMemory(deployment, from), this.#freeAddresses(from));
    const least = bounds.reduce((a, b) => (b.replicas < a.replicas ? b : a));
    const name = fullName(deployment);
    const given = Math.max(least.replicas, Math.min(from, to));
    if (given >= to) {
      this.#told.delete(name);
      return to;
    }
    if (!this.#told.has(name)) {
      const problem = `function is not scaled as far as its load asks for: ${to} replicas are more than ${least.reason}`;
      this.#log.warn(problem, { function: name, given });
    }
    this.#told.add(name);
    return given;
  }

  #most(deployment: FunctionDeployment): Bound {
    const need = memoryOf(deployment);
    const total = this.#memory.total();
    const byMemory = need > 0 ? Math.max(1, Math.floor(total / need)) : Infinity;
    const each = `${mebibytes(need)} each, by requests.memory or else limits.memory`;
    if (byMemory < this.#addresses) {
      const reason = `the ${mebibytes(total)} of memory of this host hold (${each}): ask for fewer, or for less memory`;
      return { replicas: byMemory, reason };
    }
    const reason = `the ${this.#addresses} addresses of the subnet: ask for fewer, or set a larger subnet`;
    return { replicas: this.#addresses, reason };
  }

  #freeMemory(deployment: FunctionDeployment, from: number): Bound {
    const free = this.#memory.available() - this.#memory.total() * reservedShare;
    const need = memoryOf(deployment);
    const more = need > 0 ? Math.floor(Math.max(0, free) / need) : Infinity;
    const reason = `the ${mebibytes(this.#memory.available())} of memory that are free allow: lower the function's com.openfaas.scale.max, or free memory`;
    return { replicas: free > 0 ? from + more : from, reason };
  }

  #freeAddresses(from: number): Bound {
    const free = Math.max(0, this.#addresses - this.#taken());
    const reason = `the ${free} addresses of the subnet that are free allow: remove functions, or set a larger subnet`;
    return { replicas: from + free, reason };
  }
}

/** What one replica is meant to take; 0 where the function does not say. */
function memoryOf(deployment: FunctionDeployment): number {
  const { memoryRequestBytes, memoryLimitBytes } = resourcesOf(deployment);
  return memoryRequestBytes ?? memoryLimitBytes ?? 0;
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}

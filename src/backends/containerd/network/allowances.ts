import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { absentAs } from '../../../base/absent-file.ts';
import { writeDurably } from '../../../base/durable-file.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { formatNetworkTarget, isWithin, parseNetworkTargets, type NetworkTarget } from '../../../provider/index.ts';

/** What the replica at an address may reach beyond what all may. */
export interface Allowance {
  ip: string;
  targets: NetworkTarget[];
}

/** A replica's allowance as it is kept: its address, and the targets as a list. */
type Kept = [ip: string, targets: string];

export interface AllowancesOptions {
  dir: string;
  /** What the host gives at most; anything unless given. */
  most?: NetworkTarget[];
  /** Called at each change, which is made when it resolves. */
  changed: () => Promise<void>;
  /** Told what a replica asks for and is not given. */
  withheld?: (id: string, targets: NetworkTarget[]) => void;
}

/**
 * The allowances of attached replicas, a file each under /run, so that a restart of the daemon takes none away and a
 * reboot all. Whoever gives an address to somebody else has removed its allowance before.
 */
export class Allowances {
  readonly #dir: string;
  readonly #most?: NetworkTarget[];
  readonly #changed: () => Promise<void>;
  readonly #withheld?: AllowancesOptions['withheld'];
  #known?: Promise<Map<string, Allowance>>;

  constructor({ dir, most, changed, withheld }: AllowancesOptions) {
    this.#dir = dir;
    this.#most = most;
    this.#changed = changed;
    this.#withheld = withheld;
  }

  async all(): Promise<Allowance[]> {
    return [...(await this.#all()).values()].filter(({ targets }) => targets.length > 0);
  }

  /** Whom something is kept of, be it only what the host gives no more. */
  async ids(): Promise<string[]> {
    return [...(await this.#all()).keys()];
  }

  /** Resolves once the replica reaches these, and nothing else that it, or whoever had its address, was allowed before. */
  async set(id: string, ip: string, targets: NetworkTarget[]): Promise<void> {
    const known = await this.#all();
    const before = [...known].filter(([other, allowance]) => other !== id && allowance.ip === ip);
    for (const [other] of before) await this.remove(other);
    const given = { ip, targets: this.#within(id, targets) };
    if (given.targets.length === 0) return this.remove(id);
    if (isDeepStrictEqual(known.get(id), given)) return;
    const kept: Kept = [ip, given.targets.map(formatNetworkTarget).join()];
    await mkdir(this.#dir, { recursive: true });
    await writeDurably(join(this.#dir, id), JSON.stringify(kept), { fsync: false });
    known.set(id, given);
    try {
      await this.#changed();
    } catch (error) {
      // So that whoever tries again does not find it done.
      known.set(id, { ip, targets: [] });
      throw error;
    }
  }

  /** Takes away what a replica was allowed; there need not be anything. */
  async remove(id: string): Promise<void> {
    const known = await this.#all();
    const given = known.get(id);
    if (!given) return;
    await rm(join(this.#dir, id), { recursive: true, force: true });
    known.delete(id);
    try {
      await this.#changed();
    } catch (error) {
      // So that whoever tries again does so here as well, before the address is another's.
      known.set(id, given);
      throw error;
    }
  }

  #within(id: string, targets: NetworkTarget[]): NetworkTarget[] {
    const { given = [], withheld } = Object.groupBy(targets, (target) =>
      isWithin(target, this.#most) ? 'given' : 'withheld',
    );
    if (withheld) this.#withheld?.(id, withheld);
    return given;
  }

  #all(): Promise<Map<string, Allowance>> {
    this.#known ??= this.#read().catch((error: unknown) => {
      this.#known = undefined;
      throw error;
    });
    return this.#known;
  }

  async #read(): Promise<Map<string, Allowance>> {
    const ids = (await readdir(this.#dir).catch(absentAs<string[]>([]))).filter((name) => !name.startsWith('.'));
    const known = new Map<string, Allowance>();
    for (const id of ids.sort()) {
      const { ip, targets } = allowanceOf(await readFile(join(this.#dir, id), 'utf8').catch(() => ''));
      const others = [...known.values()].filter((other) => other.ip === ip);
      // Nobody knows which of two has the address: neither is allowed anything.
      for (const other of others) other.targets = [];
      known.set(id, { ip, targets: others.length > 0 ? [] : this.#within(id, targets) });
    }
    return known;
  }
}

const keptSchema: z.ZodType<Kept> = z.tuple([z.ipv4(), z.string()]);

/** What cannot be read allows nothing, and is nothing to keep other functions from being served. */
function allowanceOf(text: string): Allowance {
  const nothing = { ip: '', targets: [] };
  const kept = keptSchema.safeParse(parseJson(text));
  if (!kept.success) return nothing;
  const [ip, list] = kept.data;
  try {
    return { ip, targets: parseNetworkTargets(list) };
  } catch (error) {
    if (error instanceof RangeError) return nothing;
    throw error;
  }
}

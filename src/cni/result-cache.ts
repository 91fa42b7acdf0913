import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { absentAs } from '../base/absent-file.ts';
import { parseJson } from '../base/parse-json.ts';
import { parseConflist, type Conflist } from './conflist.ts';
import { cniResult, type CniResult } from './result.ts';

// The shape and file names of libcni's cache, so that its tools can read ours.
const entry = z.object({
  kind: z.literal('cniCacheV1'),
  containerId: z.string(),
  ifName: z.string(),
  networkName: z.string(),
  netns: z.string(),
  /** The conflist as it was at ADD, in base64. */
  config: z.string(),
  result: cniResult,
});

interface CacheKey {
  containerId: string;
  interfaceName: string;
}

/** What an ADD was asked for and what it made. */
export interface CachedAdd extends CacheKey {
  netnsPath: string;
  conflist: Conflist;
  result: CniResult;
}

/** Keeps the final results of ADD, which DEL needs again: one file an interface, 0600. */
export class ResultCache {
  readonly #dir: string;
  readonly #networkName: string;

  constructor({ dir, networkName }: { dir: string; networkName: string }) {
    this.#dir = dir;
    this.#networkName = networkName;
  }

  /** Keeps the result of an ADD in place of an earlier one. */
  async write({ containerId, interfaceName, netnsPath, conflist, result }: CachedAdd): Promise<void> {
    const written: z.infer<typeof entry> = {
      kind: 'cniCacheV1',
      containerId,
      ifName: interfaceName,
      networkName: this.#networkName,
      netns: netnsPath,
      config: Buffer.from(JSON.stringify(conflist)).toString('base64'),
      result,
    };
    const file = this.#file({ containerId, interfaceName });
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeFile(`${file}${temporary}`, JSON.stringify(written), { mode: 0o600 });
    await rename(`${file}${temporary}`, file);
  }

  /** Answers what was kept of an interface; undefined where nothing was, or where it cannot be read any more. */
  async read(key: CacheKey): Promise<CachedAdd | undefined> {
    return this.#readFile(this.#file(key));
  }

  /** Forgets an interface; there need not be anything. */
  async remove(key: CacheKey): Promise<void> {
    await rm(this.#file(key), { force: true });
    await rm(`${this.#file(key)}${temporary}`, { force: true });
  }

  /** Lists all that is kept of this network. */
  async list(): Promise<CachedAdd[]> {
    const names = await readdir(this.#dir).catch(absentAs<string[]>([]));
    const files = names.filter((name) => name.startsWith(`${this.#networkName}-`) && !name.endsWith(temporary));
    const entries = await Promise.all(files.map((name) => this.#readFile(join(this.#dir, name))));
    return entries.filter((cached) => cached !== undefined);
  }

  // A file that a power cut left empty or broken counts as absent: DEL then does without, as the spec allows.
  async #readFile(file: string): Promise<CachedAdd | undefined> {
    const text = await readFile(file, 'utf8').catch(absentAs(''));
    const parsed = entry.safeParse(parseJson(text));
    if (!parsed.success || parsed.data.networkName !== this.#networkName) return undefined;
    const { containerId, ifName: interfaceName, netns: netnsPath, config, result } = parsed.data;
    const conflist = parseConflist(Buffer.from(config, 'base64').toString(), file);
    return { containerId, interfaceName, netnsPath, conflist, result };
  }

  #file({ containerId, interfaceName }: CacheKey): string {
    return join(this.#dir, `${this.#networkName}-${containerId}-${interfaceName}`);
  }
}

// Neither in the name of an interface nor at the end of one that we give.
const temporary = '.tmp~';

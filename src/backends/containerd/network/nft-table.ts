import { describeError } from '../../../base/log.ts';
import { run } from '../host-command.ts';
import type { KeptLook, KeptPart } from './kept-part.ts';
import { isolationScript, nftScript, removalScript, type FirewallOptions, type HostWays } from './nft-script.ts';

const mostWrites = 5;

/** Our own nft table: isolation of functions, and their way out. */
export class NftTable implements KeptPart {
  readonly name = 'firewall';
  readonly everyMs = 30_000;
  readonly hasEvents = true;
  readonly #options: FirewallOptions;
  readonly #ways: () => Promise<HostWays>;
  #written?: { script: string; listing: string };

  constructor(options: FirewallOptions, ways: () => Promise<HostWays>) {
    this.#options = options;
    this.#ways = ways;
  }

  /** True once the rules that keep functions apart have been written. */
  get isolates(): boolean {
    return this.#written !== undefined;
  }

  async keep(): Promise<KeptLook> {
    const ways = await this.#ways();
    const script = nftScript(this.#options, ways);
    const written = this.#written;
    const listing = await this.#list();
    if (script === written?.script && listing === written.listing) return {};
    await this.#write(script, ways);
    if (!written) return {};
    if (listing === undefined) return { mended: [`nft table inet ${this.#options.table} was gone`] };
    return listing === written.listing ? {} : { mended: [`nft table inet ${this.#options.table} had been changed`] };
  }

  async remove(): Promise<void> {
    this.#written = undefined;
    await run('nft', ['-f', '-'], { stdin: removalScript(this.#options) });
  }

  // What somebody changes between the write and the look at it is not to count as ours: a new table is believed once it
  // looked the same twice, one that was written before as it looked then.
  async #write(script: string, ways: HostWays): Promise<void> {
    let expected = this.#written?.script === script ? this.#written.listing : undefined;
    for (let tries = 0; tries < mostWrites; tries++) {
      await run('nft', ['-f', '-'], { stdin: script }).catch((error: unknown) => this.#isolate(ways, error));
      const listing = await this.#list();
      if (listing !== undefined && listing === expected) {
        this.#written = { script, listing };
        return;
      }
      expected = listing;
    }
    throw new Error(`nft table inet ${this.#options.table} is changed or vanishes as soon as it is written`);
  }

  // A kernel without masquerading or reject still keeps functions apart.
  async #isolate(ways: HostWays, error: unknown): Promise<never> {
    await run('nft', ['-f', '-'], { stdin: isolationScript(this.#options, ways) });
    this.#written = { script: '', listing: '' };
    const message = `only the rules that keep functions apart could be written, they do not reach the outside: ${describeError(error)}`;
    throw new Error(message, { cause: error });
  }

  #list(): Promise<string | undefined> {
    return run('nft', ['--stateless', 'list', 'table', 'inet', this.#options.table]).catch(() => undefined);
  }
}

import { describeError } from '../../../base/log.ts';
import { InOrder } from '../../../base/in-order.ts';
import { run } from '../host-command.ts';
import { allowsBetween, allowsHostPorts } from './allow-rules.ts';
import { setBridgeSwitches } from './bridge-switches.ts';
import { safetyLookMs, type HostProblem, type KeptLook, type KeptPart } from './kept-part.ts';
import { isolationScript, nftScript, removalScript, type FirewallOptions, type HostWays } from './nft-script.ts';

const mostWrites = 5;

const withoutLoopback: HostProblem = {
  message:
    "this kernel lacks nft's socket match or its NAT: functions with a host:PORT reach what listens on the bridge's address or on all, not what listens on 127.0.0.1 alone",
  isNote: true,
};

/** Our own nft table: isolation of functions, and their way out. */
export class NftTable implements KeptPart {
  readonly name = 'firewall';
  readonly everyMs = safetyLookMs;
  readonly hasEvents = true;
  readonly #options: FirewallOptions;
  readonly #ways: () => Promise<HostWays>;
  readonly #turns = new InOrder<'table'>();
  #written?: { script: string; listing: string };
  #renewal?: Promise<void>;
  #isRenewed = false;
  #lacksLoopback = false;

  constructor(options: FirewallOptions, ways: () => Promise<HostWays>) {
    this.#options = options;
    this.#ways = ways;
  }

  /** True once the rules that keep functions apart have been written. */
  get isolates(): boolean {
    return this.#written !== undefined;
  }

  keep(): Promise<KeptLook> {
    return this.#turns.run('table', async () => {
      const look = await this.#keep();
      return { ...look, problems: this.#lacksLoopback ? [withoutLoopback] : [] };
    });
  }

  /** Writes the rules as they should be now, for a replica that is about to start or has ended; `keep` looks at them later. */
  renew(): Promise<void> {
    this.#renewal ??= this.#turns.run('table', async () => {
      this.#renewal = undefined;
      const ways = await this.#ways();
      this.#isRenewed = true;
      await this.#put(nftScript(this.#options, ways), ways);
    });
    return this.#renewal;
  }

  async #keep(): Promise<KeptLook> {
    const ways = await this.#ways();
    const script = nftScript(this.#options, ways);
    const written = this.#written;
    const listing = await this.#list();
    if (script === written?.script && listing === written.listing) {
      await this.#switch(ways);
      return {};
    }
    await this.#write(script, ways);
    const isOwn = this.#isRenewed && listing !== undefined;
    this.#isRenewed = false;
    if (!written || isOwn) return {};
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
      await this.#put(script, ways);
      const listing = await this.#list();
      if (listing !== undefined && listing === expected) {
        this.#written = { script, listing };
        return;
      }
      expected = listing;
    }
    throw new Error(`nft table inet ${this.#options.table} is changed or vanishes as soon as it is written`);
  }

  async #put(script: string, ways: HostWays): Promise<void> {
    const put = (stdin: string) => run('nft', ['-f', '-'], { stdin });
    this.#lacksLoopback = false;
    try {
      await put(script).catch(async (error: unknown) => {
        if (!allowsHostPorts(ways.allowances)) throw error;
        await put(nftScript(this.#options, ways, { withLoopback: false }));
        this.#lacksLoopback = true;
      });
    } catch (error) {
      await this.#isolate(ways, error);
    }
    await this.#switch(ways);
  }

  async #switch({ allowances }: HostWays): Promise<void> {
    const toLoopback = allowsHostPorts(allowances) && !this.#lacksLoopback;
    await setBridgeSwitches(this.#options.bridge, { toLoopback, between: allowsBetween(allowances) });
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

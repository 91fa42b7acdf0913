import { lookup, type LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { BadRequestError, fullName, NetworkList, quote, splitFunctionUrl } from '../../provider/index.ts';
import { CallbackAllow } from './callback-allow.ts';

/** A function of this gateway, by the path of its call, or a server elsewhere. */
export type CallbackAddress = { path: string } | { url: URL };

/** Finds all addresses of a name. */
export type FindAddresses = (name: string) => Promise<LookupAddress[]>;

export interface CallbackAddressesOptions {
  allow?: CallbackAllow;
  defaultNamespace: string;
  /** Asks the name servers, or the system where private addresses are allowed, unless given. */
  find?: FindAddresses;
  /** The addresses of this host; the system is asked, unless given. */
  ownAddresses?: () => string[];
  /** How long a name may take to be found when a call is accepted; when it is posted it is looked up again. */
  patienceMs?: number;
}

/** An address that callbacks may not go to. */
export class CallbackRefusedError extends BadRequestError {}

/** By these names functions know this gateway, on a host as on Kubernetes. */
const ownNames = new Set(['gateway', 'gateway.openfaas', 'gateway.openfaas.svc', 'gateway.openfaas.svc.cluster.local']);

const form = 'write a URL such as https://example.com/hook, or http://gateway:8080/function/NAME for a function';

const lookupAll = promisify(lookup);
/** With the host's own names, such as those of /etc/hosts. Two are looked up at once, and all others of the process wait for them. */
const findBySystem: FindAddresses = (name) => lookupAll(name, { all: true });

/** Names that are slow, as strangers may have them, keep nobody waiting but themselves. */
const findByServers: FindAddresses = async (name) => {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found = answers.flatMap((answer, i) =>
    answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: i === 0 ? 4 : 6 })) : [],
  );
  if (found.length > 0) return found;
  throw answers.find((answer) => answer.status === 'rejected')?.reason ?? new Error(`${name} has no address`);
};

const addressesOfSystem = () =>
  Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);

/** What no public name is or ends with: those of a host's own network, and of a cloud's metadata. */
const innerName = /^[^.]+$|\.(internal|local|localdomain|localhost|lan|home|corp|home\.arpa)$/;

/** As many names are looked up at once for calls that are being accepted: the lookups of all others wait behind them. */
const mostLookups = 4;

/** Reads the addresses of callbacks, and says which may be called: what strangers cannot reach, they must not have us reach. */
export class CallbackAddresses {
  readonly #allow: CallbackAllow;
  readonly #defaultNamespace: string;
  readonly #find: FindAddresses;
  readonly #ownAddresses: () => string[];
  readonly #patienceMs: number;
  #lookups = 0;

  constructor(options: CallbackAddressesOptions) {
    this.#allow = options.allow ?? new CallbackAllow();
    this.#defaultNamespace = options.defaultNamespace;
    this.#find = options.find ?? (this.#allow.isNone ? findByServers : findBySystem);
    this.#ownAddresses = options.ownAddresses ?? addressesOfSystem;
    this.#patienceMs = options.patienceMs ?? 2000;
  }

  /**
   * Reads an X-Callback-Url, without a look at where its name leads.
   * @throws CallbackRefusedError saying what to write instead
   */
  parse(text: string): CallbackAddress {
    const url = URL.parse(text);
    // A list of several is one URL as well, with a comma in its host.
    if (url === null || url.hostname.includes(','))
      throw new CallbackRefusedError(`X-Callback-Url ${quote(text)} is no URL: ${form}`);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new CallbackRefusedError(`X-Callback-Url ${quote(text)} is neither http nor https: ${form}`);
    }
    if (url.username !== '' || url.password !== '') {
      throw new CallbackRefusedError('X-Callback-Url has a user name or password, which would be stored: leave it out');
    }
    if (ownNames.has(url.hostname.replace(/\.$/, ''))) return { path: this.#pathOf(url) };
    const host = hostOf(url);
    const isLoopback = /(^|\.)localhost\.?$/.test(host);
    if (!this.#allow.hasName(host) && (isLoopback || (isIP(host) !== 0 && !this.#mayCall([host])))) {
      throw refused(url);
    }
    return { url };
  }

  /**
   * Reads the X-Callback-Url of a call that is being accepted, and looks where its name leads. A name that cannot be found
   * now is looked up again when the answer is posted, if it can lead anywhere.
   * @throws CallbackRefusedError saying what to write instead
   */
  async check(text: string): Promise<void> {
    const address = this.parse(text);
    if ('path' in address || isIP(hostOf(address.url)) !== 0 || this.#lookups >= mostLookups) return;
    this.#lookups++;
    const found = this.addressesOf(address.url).finally(() => this.#lookups--);
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, this.#patienceMs);
    try {
      await Promise.race([found, timer.promise]);
    } catch (error) {
      if (error instanceof CallbackRefusedError) throw error;
      const name = hostOf(address.url).replace(/\.$/, '');
      if (this.#allow.isNone && innerName.test(name)) throw refused(address.url);
    } finally {
      clearTimeout(timeout);
    }
  }

  /**
   * Finds the addresses of a server, to be connected to and no others: its name may lead elsewhere the next time.
   * @throws CallbackRefusedError when one of them may not be called
   */
  async addressesOf(url: URL): Promise<LookupAddress[]> {
    const host = hostOf(url);
    const family = isIP(host);
    const addresses = family === 0 ? await this.#find(host) : [{ address: host, family }];
    if (this.#allow.hasName(host) || this.#mayCall(addresses.map(({ address }) => address))) return addresses;
    throw refused(url);
  }

  #mayCall(addresses: string[]): boolean {
    const own = new NetworkList(this.#ownAddresses().map((address) => address.replace(/%.*$/, '')));
    return addresses.every((address) => this.#allow.hasAddress(address, own));
  }

  #pathOf({ pathname, search }: URL): string {
    const called = splitFunctionUrl(`${pathname}${search}`, { defaultNamespace: this.#defaultNamespace });
    if (called) return `/function/${fullName(called)}${called.path}`;
    const problem = `X-Callback-Url leads to ${quote(pathname)} of this gateway`;
    throw new CallbackRefusedError(`${problem}: only functions are called back, as http://gateway:8080/function/NAME`);
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function refused({ host }: URL): CallbackRefusedError {
  const problem = `X-Callback-Url leads to ${quote(host)}, which is an address of this host, of its cloud or of a private network`;
  const way = 'have the operator add it to callback_allow, or write http://gateway:8080/function/NAME for a function';
  return new CallbackRefusedError(`${problem}: ${way}`);
}

import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { quote } from '../../base/quote.ts';
import { BadRequestError } from '../provider-errors.ts';
import type { FunctionDeployment } from '../types.ts';
import { toList } from './read-setting.ts';

/** What a function may reach beyond the outside and the gateway, e.g. `functions, host:5432, 172.17.0.0/16:6379`. */
const networkAllowAnnotation = 'com.openfaas.network.allow';

/** One thing that a function may reach: other functions, a port of the host (or any), addresses with a port (or any). */
export type NetworkTarget =
  { kind: 'functions' } | { kind: 'host'; port?: number } | { kind: 'network'; cidr: string; port?: number };

/** Characters of a list, and its entries. */
const [longestList, mostTargets] = [4096, 100];

/**
 * Reads what a function may reach beyond what all may; nothing without the annotation.
 * @throws BadRequestError saying what is wrong with it
 */
export function networkAllowOf({ annotations }: FunctionDeployment): NetworkTarget[] {
  const text = annotations?.[networkAllowAnnotation] ?? '';
  try {
    const targets = parseNetworkTargets(text);
    const anyPort = targets.find((target) => target.kind === 'host' && target.port === undefined);
    if (anyPort) throw new RangeError('"host" names no port: write one, such as host:5432');
    return targets;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BadRequestError(`annotation ${networkAllowAnnotation}: ${error.message}`);
  }
}

/**
 * Refuses a deployment that asks for more than this host gives.
 * @param most what the setting `network_allow_max` says; undefined for anything
 * @throws BadRequestError naming the setting
 */
export function checkNetworkAllow(deployment: FunctionDeployment, most: NetworkTarget[] | undefined): void {
  const beyond = networkAllowOf(deployment).find((target) => !isWithin(target, most));
  if (!beyond) return;
  const given = most?.map(formatNetworkTarget).join(', ') || 'none';
  throw new BadRequestError(
    `annotation ${networkAllowAnnotation}: ${formatNetworkTarget(beyond)} is more than the setting network_allow_max of this host gives (${given}): leave it out, or have the setting changed`,
  );
}

/** Whether a target is covered by one of these; by any where they are undefined. */
export function isWithin(target: NetworkTarget, most: NetworkTarget[] | undefined): boolean {
  return most === undefined || most.some((bound) => covers(bound, target));
}

/**
 * Parses a list of targets, separated by commas or blanks; `host` alone is any port of the host.
 * @throws RangeError saying which entry cannot be read, and how to write it
 */
export function parseNetworkTargets(text: string): NetworkTarget[] {
  if (text.length > longestList) throw new RangeError(`it is longer than ${longestList} characters`);
  const entries = toList(text);
  if (entries.length > mostTargets) throw new RangeError(`it has more than ${mostTargets} entries: name networks`);
  return entries.map(parseTarget);
}

/** Writes a target as its list has it. */
export function formatNetworkTarget(target: NetworkTarget): string {
  if (target.kind === 'functions') return target.kind;
  const name = target.kind === 'host' ? 'host' : target.cidr.replace(/\/32$/, '');
  return target.port === undefined ? name : `${name}:${target.port}`;
}

function parseTarget(entry: string): NetworkTarget {
  if (entry === 'functions') return { kind: 'functions' };
  if (isIPv6(entry.replace(/^\[|\](:\d+)?$|\/\d+$/g, ''))) {
    throw new RangeError(`${quote(entry)} is an IPv6 address, and functions have IPv4 alone`);
  }
  const [name = '', digits, ...rest] = entry.split(':');
  const port = digits === undefined ? {} : { port: parsePort(entry, digits) };
  if (rest.length > 0) throw unreadable(entry);
  if (name === 'host') return { kind: 'host', ...port };
  if (isOfFunctionItself(name)) {
    throw new RangeError(`${quote(entry)} leads a function to itself: write host:PORT for what listens on this host`);
  }
  return { kind: 'network', cidr: parseCidr(entry, name), ...port };
}

function parsePort(entry: string, digits: string): number {
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (port < 1 || port > 65_535) throw new RangeError(`${quote(entry)} names no port: one is from 1 to 65535`);
  return port;
}

function parseCidr(entry: string, name: string): string {
  const [address = '', bits = '32', ...rest] = name.split('/');
  if (!isIPv4(address) || rest.length > 0) throw unreadable(entry);
  if (!/^\d{1,2}$/.test(bits) || Number(bits) > 32) {
    throw new RangeError(`${quote(entry)} is no network: its length is from /0 to /32`);
  }
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(address) / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${Number(bits)}`;
}

/** Whether a name or network is loopback's, which each function has of its own. */
function isOfFunctionItself(name: string): boolean {
  const [address = '', bits = '32'] = name.split('/');
  return name === 'localhost' || (isIPv4(address) && /^(127|0)\./.test(address) && Number(bits) >= 8);
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

function unreadable(entry: string): RangeError {
  return new RangeError(
    `${quote(entry)} cannot be read: write functions, host:PORT, an IPv4 address or network such as 172.17.0.0/16, or either with :PORT`,
  );
}

function covers(bound: NetworkTarget, target: NetworkTarget): boolean {
  if (bound.kind === 'functions' || target.kind === 'functions') return bound.kind === target.kind;
  if (bound.port !== undefined && bound.port !== target.port) return false;
  if (bound.kind === 'host' || target.kind === 'host') return bound.kind === target.kind;
  const [[outer = '', outerBits], [inner = '', innerBits]] = [bound.cidr.split('/'), target.cidr.split('/')];
  if (Number(outerBits) > Number(innerBits)) return false;
  // A list takes no subnet of all addresses.
  if (outerBits === '0') return true;
  const list = new BlockList();
  list.addSubnet(outer, Number(outerBits));
  return list.check(inner);
}

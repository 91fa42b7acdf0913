import { isIPv4, isIPv6 } from 'node:net';
import { quote } from '../../base/quote.ts';
import { toList, type SettingReader } from './read-setting.ts';

/** Whom a function asks for names, and the domains that it looks for short names in; absent where the host's hold. */
export interface Dns {
  servers?: string[];
  search?: string[];
}

/** As many as resolv.conf(5) takes, and as long as musl reads. */
const [mostServers, longestSearch] = [3, 255];
/** Before it is looked at. */
const longestText = 1024;

export const serversForm = '1 to 3 IPv4 addresses, such as 10.0.0.2, 10.0.0.3';
export const searchForm = 'domains, such as svc.example.com, example.com';

/**
 * Parses addresses of name servers, with commas or blanks between.
 * @throws RangeError saying which cannot be one
 */
export function parseDnsServers(text: string): string[] {
  const servers = toList(text);
  for (const server of servers) {
    if (isIPv6(server)) throw new RangeError(`${quote(server)} is an IPv6 address, and functions have IPv4 alone`);
    if (!isIPv4(server)) throw new RangeError(`${quote(server)} is no IPv4 address`);
    if (/^(127|0)\./.test(server)) throw new RangeError(`${quote(server)} leads a function to itself`);
  }
  if (servers.length < 1 || servers.length > mostServers)
    throw new RangeError(`${quote(text)} names none, or too many`);
  return servers;
}

/**
 * Parses search domains, with commas or blanks between; `.` is none but the root.
 * @throws RangeError saying which cannot be one
 */
export function parseDnsSearch(text: string): string[] {
  const domains = toList(text);
  const wrong = domains.find((domain) => domain !== '.' && !/^(?!.{254})([\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(domain));
  if (wrong !== undefined) throw new RangeError(`${quote(wrong)} is no domain`);
  if (domains.length === 0) throw new RangeError(`${quote(text)} names none`);
  if (domains.join(' ').length > longestSearch) throw new RangeError(`it is longer than ${longestSearch} characters`);
  return domains;
}

/** Reads `com.openfaas.dns.*`. */
export function readDns(settings: SettingReader): Dns {
  const servers = readList(settings, 'servers', parseDnsServers, serversForm);
  const search = readList(settings, 'search', parseDnsSearch, searchForm);
  return { ...(servers && { servers }), ...(search && { search }) };
}

function readList(
  settings: SettingReader,
  name: string,
  parse: (text: string) => string[],
  form: string,
): string[] | undefined {
  const text = settings.text(name);
  if (!text?.trim()) return undefined;
  try {
    if (text.length > longestText) throw new RangeError(`is longer than ${longestText} characters`);
    return parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    settings.refuse(name, error.message, form);
    return undefined;
  }
}

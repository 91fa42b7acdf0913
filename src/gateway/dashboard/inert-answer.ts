import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/**
 * What would have the browser act on the page's origin: ask for a password that the function then gets, empty the storage with
 * the session, set cookies, or want HTTPS of all that is on this host.
 */
const dropped = ['www-authenticate', 'clear-site-data', 'set-cookie', 'strict-transport-security'];

/** Nothing is kept that a browser could later open as a page, and what it opens all the same has no origin and no scripts. */
const own: OutgoingHttpHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': 'sandbox',
  'X-Content-Type-Options': 'nosniff',
};

/** A browser hides where a redirect leads from the page that asked: it has 200 instead, and here what the function answered. */
const statusHeader = 'X-Berth-Status';
const redirects: readonly number[] = [301, 302, 303, 307, 308];
const replaced = [...dropped, ...Object.keys(own), statusHeader].map((name) => name.toLowerCase());

/** Has the answer of a function be nothing but data for the page that asked. */
export function makeInert(res: ServerResponse): void {
  const writeHead = res.writeHead.bind(res);
  // Nobody here gives a phrase for the status.
  res.writeHead = (status: number, headers: unknown = {}) => {
    const passed = inert(headers as OutgoingHttpHeaders | OutgoingHttpHeader[]);
    if (!redirects.includes(status)) return writeHead(status, passed);
    const told = [statusHeader, String(status)] as const;
    writeHead(200, Array.isArray(passed) ? [...passed, ...told] : { ...passed, [told[0]]: told[1] });
    // It is counted as what the function answered.
    res.statusCode = status;
    return res;
  };
}

function inert(headers: OutgoingHttpHeaders | OutgoingHttpHeader[]): OutgoingHttpHeaders | OutgoingHttpHeader[] {
  if (!Array.isArray(headers)) return { ...Object.fromEntries(Object.entries(headers).filter(isPassed)), ...own };
  const passed: OutgoingHttpHeader[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2);
    if (isPassed([String(name)])) passed.push(name, value);
  }
  return [...Object.entries(own).flatMap(([name, value]) => [name, value ?? '']), ...passed];
}

function isPassed([name]: [name: string, ...unknown[]]): boolean {
  return !replaced.includes(name.toLowerCase());
}

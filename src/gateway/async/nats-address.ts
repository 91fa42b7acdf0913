/** Where a NATS server is, and who asks it. */
export interface NatsAddress {
  /** `HOST:PORT` each; those of one cluster. */
  servers: string[];
  user?: string;
  password?: string;
  /** A `tls://` address: a server without TLS is refused. */
  isTls: boolean;
}

/**
 * Parses what `nats_url` says: `nats://` or `tls://` addresses with commas between them, a user and a password in the first.
 * @throws Error whose message tells no password
 */
export function parseNatsAddress(text: string): NatsAddress {
  const urls = text.split(',').map((part) => parseServer(part.trim()));
  const [first] = urls;
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
    ...(first?.username && { user: decodeURIComponent(first.username) }),
    ...(first?.password && { password: decodeURIComponent(first.password) }),
    isTls: urls.some(({ protocol }) => protocol === 'tls:'),
  };
}

function parseServer(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`);
  if (!url?.hostname || !/^(nats|tls):$/.test(url.protocol) || /^\/?$/.exec(url.pathname) === null) {
    throw new Error('write nats://HOST:PORT or tls://HOST:PORT, more servers of the same cluster after commas');
  }
  return url;
}

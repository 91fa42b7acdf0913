import { live } from './live.ts';

/** Returns where the API is, for commands: on the host that this page comes from. */
export function gatewayUrl(): string {
  const { protocol, hostname, port } = location;
  // Behind a proxy the API has a name that only whoever set that up knows.
  return port === '' ? `${protocol}//GATEWAY` : `${protocol}//${hostname}:${live.host?.apiPort ?? 8080}`;
}

import type { BridgePort } from './bridge-port.ts';

/** A replica's place in the functions' network. */
export interface Attachment {
  id: string;
  /** Path of the network namespace, for the runtime spec. */
  netnsPath: string;
  /** IPv4 address, kept for as long as the attachment lives. */
  ip: string;
  /** The bridge's address. */
  gateway: string;
}

/** What there is of an attachment on this host. */
export interface Found {
  attachment: Attachment;
  /** Absent where the bridge plugin named none. */
  port?: BridgePort;
}

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

/** How one part of the daemon is, such as `disk` or `firewall`. */
export interface PartHealth {
  name: string;
  healthy: boolean;
  /** What is wrong, in words for the operator; absent where nothing is. */
  problem?: string;
  /** Commands that mend it, where they are known. */
  mend?: string;
}

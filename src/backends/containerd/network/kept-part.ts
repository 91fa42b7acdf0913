import type { LogFields } from '../../../base/log.ts';

/** A part of the host that functions need, and that others may change under us. */
export interface KeptPart {
  /** For log and metrics. */
  readonly name: string;
  /** How often it is looked at, be it without an event. */
  readonly everyMs: number;
  /** True when events of the kernel tell of changes, so that a look without one is only for safety. */
  readonly hasEvents: boolean;
  /** Compares it with what it should be and puts it right; a failure may be thrown. */
  keep(): Promise<KeptLook>;
}

/** What a look at a part has found. */
export interface KeptLook {
  /** What was not as it should be and is now, in words for the log. */
  mended?: string[];
  problems?: HostProblem[];
}

/** Something that only the operator can put right. */
export interface HostProblem {
  message: string;
  fields?: LogFields;
  /** True for what may be as it should be: it is said, and the part counts as well. */
  isNote?: boolean;
}

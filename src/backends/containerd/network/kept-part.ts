import type { LogFields } from '../../../base/log.ts';

/** Between looks at what events tell of: each runs programs, and a host of sleepers does little else. */
export const safetyLookMs = 2 * 60_000;

/** A part of the host that functions need, and that others may change under us. */
export interface KeptPart {
  /** For log and metrics. */
  readonly name: string;
  /** Names for metrics instead, where it can be well in one and not in another; problems say which. */
  readonly covers?: readonly string[];
  /** How often it is looked at, be it without an event. */
  readonly everyMs: number;
  /** True when events of the kernel tell of changes, so that a look without one is only for safety. */
  readonly hasEvents: boolean;
  /** True where it depends on the other parts: it is looked at when they were put right, and else at its own pace. */
  readonly followsOthers?: boolean;
  /** Compares it with what it should be and puts it right; a failure may be thrown. */
  keep(signal: AbortSignal): Promise<KeptLook>;
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
  /** One of the names that the part covers. */
  part?: string;
  fields?: LogFields;
  /** True for what may be as it should be: it is said, and the part counts as well. */
  isNote?: boolean;
}

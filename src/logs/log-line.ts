export interface FunctionName {
  name: string;
  namespace: string;
}

/** One replica of a function; its id is the `instance` of its lines. */
export interface LogReplica extends FunctionName {
  id: string;
}

/** What a task is created with: the shim opens both files for append and writes each stream to its own. */
export interface TaskStdio {
  stdout: string;
  stderr: string;
}

export interface LogLine extends FunctionName {
  /** The id of the replica that wrote it. */
  instance: string;
  /** When it was read, RFC 3339 in UTC with milliseconds. */
  timestamp: string;
  /** Without its line feed; what is not UTF-8 is U+FFFD. */
  text: string;
}

export interface LogQuery extends FunctionName {
  /** Only this replica's lines. */
  instance?: string;
  /** Only lines from this moment on. */
  since?: Date;
  /** Only the last n lines of what is kept; all of them where it is absent or negative. */
  tail?: number;
  /** After what is kept, the lines to come, until the signal aborts. */
  follow: boolean;
}

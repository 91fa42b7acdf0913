/** The function that lines belong to. */
export interface LoggedFunction {
  name: string;
  namespace: string;
}

/** A replica whose task writes lines; its id is their `instance`. */
export interface LogReplica extends LoggedFunction {
  id: string;
}

/** The two files that a task is created with: the shim opens both for append and writes each stream to its own. */
export interface TaskStdio {
  stdout: string;
  stderr: string;
}

export interface LogLine extends LoggedFunction {
  /** The id of the replica that wrote it. */
  instance: string;
  /** When the line was read, RFC 3339 in UTC with milliseconds. */
  timestamp: string;
  /** The line without its line feed; what is not UTF-8 is U+FFFD. */
  text: string;
}

export interface LogQuery extends LoggedFunction {
  /** Only this replica's lines. */
  instance?: string;
  /** Only lines from this moment on. */
  since?: Date;
  /** Only the last n lines of what is kept; all of them where it is absent or negative. */
  tail?: number;
  /** Go on with the lines to come after those that are kept, until the signal aborts. */
  follow: boolean;
}

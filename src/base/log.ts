/** Leveled lines for the journal: one line a state change, `<N>`-prefixed when systemd reads our output. */

export type LogFields = Record<string, unknown>;

const priorities = { debug: 7, info: 6, warn: 4, error: 3 };

export type LogLevel = keyof typeof priorities;

export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void>;

export interface LogOptions {
  /** Lines below this level are dropped. */
  level?: LogLevel;
  /** True when stdout is the journal: each line then starts with `<priority>`, see sd-daemon(3). */
  journal?: boolean;
  write?: (line: string) => void;
}

export function createLog(options: LogOptions = {}): Log {
  const { level = 'info', journal = false, write = writeToStdout } = options;
  const line = (at: LogLevel) => (message: string, fields?: LogFields) => {
    if (priorities[at] > priorities[level]) return;
    const prefix = journal ? `<${priorities[at]}>` : `${new Date().toISOString()} ${at} `;
    write(`${prefix}${oneLine(message)}${formatFields(fields)}\n`);
  };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

let isListening = false;

function writeToStdout(line: string): void {
  // A full disk or a reader that has gone costs the line, and not the process.
  if (!isListening) for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  isListening = true;
  process.stdout.write(line);
}

/** A log without output, for callers such as tests and embedders of the SDK. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function formatFields(fields: LogFields = {}): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value)}`)
    .join('');
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(describeError(value));
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined');
}

const deepestCause = 8;

/** Writes the messages of an error and of its causes, outermost first, on one line. */
export function describeError(error: unknown): string {
  const messages: string[] = [];
  let at = error;
  for (let depth = 0; at instanceof Error && depth < deepestCause; depth++) {
    const { message, cause } = at;
    if (!messages.some((said) => said.includes(message))) messages.push(message);
    at = cause;
  }
  return oneLine(messages.length > 0 ? messages.join(': ') : String(error));
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}

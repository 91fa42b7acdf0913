import type { LogMessage } from '../../../provider/index.ts';
import { shownText, withoutEscapes } from './shown-text.ts';

export type LineLevel = 'error' | 'warn' | 'info' | 'debug';

/** A line of a function's log as it is shown. */
export interface ShownLine {
  /** Counts up from 0. */
  key: number;
  timestamp: string;
  replica: string;
  level?: LineLevel;
  text: string;
}

/** Characters of a line that are shown, and those in which its level is looked for. */
const mostShown = 4000;
const mostLooked = 400;

const levels: [LineLevel, RegExp][] = [
  ['error', /^(fatal|panic|crit\w*|alert|emerg\w*|err\w*|severe|50|60)$/i],
  ['warn', /^(warn\w*|40)$/i],
  ['info', /^(info\w*|notice|30)$/i],
  ['debug', /^(debug|trace|verbose|10|20)$/i],
];

/** Where programs say how grave a line is: a field, a word in capitals or in brackets. */
const places = [
  /"(?:level|severity|lvl|levelname)"\s*:\s*"?(\w+)/i,
  /\b(?:level|severity|lvl)=["']?(\w+)/i,
  /\[(fatal|error|warn|warning|info|debug|trace)\]/i,
  /\b(FATAL|PANIC|CRITICAL|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE)\b/,
];

/** Returns how grave a line says it is; undefined where it does not say. */
export function levelOf(text: string): LineLevel | undefined {
  const start = text.slice(0, mostLooked);
  if (/^\s*(panic: |Traceback |Uncaught |[\w.]*(Error|Exception)\b)/.test(start)) return 'error';
  for (const place of places) {
    const [, word] = place.exec(start) ?? [];
    const found = word !== undefined && levels.find(([, pattern]) => pattern.test(word));
    if (found) return found[0];
  }
  return undefined;
}

/** The newest lines of a log that is read as a stream, which may break off and be opened again. */
export class LogLines {
  readonly #most: number;
  #lines: ShownLine[] = [];
  #count = 0;
  #repeats = 0;

  /** @param most how many are kept */
  constructor(most: number) {
    this.#most = most;
  }

  get lines(): readonly ShownLine[] {
    return this.#lines;
  }

  /** How many there were, with those that are not kept any more. */
  get count(): number {
    return this.#count;
  }

  /** Takes a line of GET /system/logs, which is JSON. */
  add(json: string): void {
    const { timestamp, instance, text } = JSON.parse(json) as LogMessage;
    if (this.#repeats > 0) {
      this.#repeats -= 1;
      if (timestamp === this.#lines.at(-1)?.timestamp) return;
      this.#repeats = 0;
    }
    const plain = withoutEscapes(text);
    const cut = plain.length > mostShown ? ` … ${plain.length - mostShown} characters more, in the download` : '';
    const shown = shownText(plain.slice(0, mostShown)) + cut;
    this.#lines.push({ key: this.#count, timestamp, replica: instance, level: levelOf(plain), text: shown });
    this.#count += 1;
    if (this.#lines.length > this.#most) this.#lines = this.#lines.slice(-this.#most);
  }

  /** Returns `since` for the stream that goes on behind the last line, and expects those of that moment again. */
  goOn(): string | undefined {
    const last = this.#lines.at(-1)?.timestamp;
    this.#repeats = this.#lines.filter(({ timestamp }) => timestamp === last).length;
    return last;
  }
}

/** Returns the lines that hold the text, in whatever case, and are of the replica; '' for all. */
export function matching(lines: readonly ShownLine[], search: string, replica: string): ShownLine[] {
  const wanted = search.toLowerCase();
  return lines.filter(
    (line) => (replica === '' || line.replica === replica) && line.text.toLowerCase().includes(wanted),
  );
}

import type { Environment } from '../provider/index.ts';

/** What of `${…}` is not one of the forms below, in words for whoever wrote it. */
export class ExpandError extends Error {
  override name = 'ExpandError';
  /** Line of the text, from 1. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

const expression = /^([A-Za-z_]\w*)(?::?[-=]([^]*))?$/;

/**
 * Puts the values of variables into a text, as faas-cli does: `${NAME}`, or `${NAME:-default}` where it is unset or empty.
 * `$${` stands for `${`; a `$` elsewhere stays. A default may have variables of its own.
 * @param onUnset told of variables that have neither a value nor a default; nothing stands for them then
 * @throws ExpandError for what cannot be read
 */
export function expandVariables(
  text: string,
  env: Environment,
  onUnset: (name: string, line: number) => void = () => {},
): string {
  const read = (from: string, firstLine: number): string => {
    let [out, line, counted] = ['', firstLine, 0];
    for (let at = 0; at < from.length;) {
      const start = from.indexOf('${', at);
      if (start === -1) return out + from.slice(at);
      line += lineFeeds(from.slice(counted, start));
      counted = start;
      if (from[start - 1] === '$') {
        out += `${from.slice(at, start - 1)}\${`;
        at = start + 2;
        continue;
      }
      const end = closingBrace(from, start + 2);
      const [, name, otherwise] = expression.exec(from.slice(start + 2, end)) ?? [];
      if (end === -1) throw new ExpandError('${ has no } behind it', line);
      if (name === undefined) throw new ExpandError('${…} takes NAME or NAME:-default and nothing else', line);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (otherwise === undefined && !value) onUnset(name, line);
      out += from.slice(at, start) + (value || read(otherwise ?? '', line));
      at = end + 1;
    }
    return out;
  };
  return read(text, 1);
}

/** Returns where the brace stands that closes an expression, those of inner ones passed over; -1 where none does. */
function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('${', at)) depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

function lineFeeds(text: string): number {
  return text.split('\n').length - 1;
}

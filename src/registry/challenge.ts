/** One way to log in that a 401 asks for, https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate. */
export interface Challenge {
  /** The scheme in lower case: `bearer`, `basic`. */
  scheme: string;
  /** Parameters by their names in lower case. */
  parameters: Record<string, string>;
}

const tokenPattern = /[\w!#$%&'*+.^`|~-]+/y;
const parameterPattern = /\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*,?/y;

/** Reads all challenges of a WWW-Authenticate header, in order; a rest that cannot be read is dropped. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const skipSeparators = () => match(/[\s,]*/y);
  for (skipSeparators(); at < header.length; skipSeparators()) {
    const scheme = match(tokenPattern)?.[0];
    if (scheme === undefined) break;
    const parameters: Record<string, string> = {};
    for (let pair = match(parameterPattern); pair; pair = match(parameterPattern)) {
      parameters[(pair[1] ?? '').toLowerCase()] = pair[2]?.replaceAll(/\\(.)/g, '$1') ?? pair[3] ?? '';
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}

import type { FunctionRow, StateWord } from '../wire.ts';

/** Those that need somebody first. */
export const stateWords: readonly StateWord[] = ['failing', 'starting', 'ready', 'asleep'];

/** What a list of functions can be sorted by. */
export type SortKey = keyof typeof orderings;

/** Which functions are shown, and in what order. */
export interface RowQuery {
  /** Words that are all in the name, the namespace, the image or the reason. */
  text: string;
  /** Empty: any. */
  state: StateWord | '';
  by: SortKey;
  isDescending: boolean;
}

/** What a function is sorted by; those where it is not known come last. */
const orderings = {
  name: ({ name }: FunctionRow) => name,
  state: ({ state }: FunctionRow) => stateWords.indexOf(state),
  replicas: ({ ready }: FunctionRow) => ready,
  rate: ({ callsPerSecond }: FunctionRow) => callsPerSecond,
  p50: ({ p50Ms }: FunctionRow) => p50Ms,
  p99: ({ p99Ms }: FunctionRow) => p99Ms,
  errors: ({ errorShare }: FunctionRow) => errorShare,
  memory: ({ memoryBytes }: FunctionRow) => memoryBytes,
  cpu: ({ cpuMillis }: FunctionRow) => cpuMillis,
};

/** Returns what is shown of the functions, by their namespaces, both in order. */
export function shownRows(rows: Iterable<FunctionRow>, query: RowQuery): [namespace: string, rows: FunctionRow[]][] {
  const groups = new Map<string, FunctionRow[]>();
  const words = wordsOf(query.text);
  for (const row of rows) {
    if ((query.state !== '' && row.state !== query.state) || !hasWords(row, words)) continue;
    const group = groups.get(row.namespace);
    if (group) group.push(row);
    else groups.set(row.namespace, [row]);
  }
  for (const group of groups.values()) group.sort((a, b) => compare(a, b, query));
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns how many functions are in each state. */
export function countStates(rows: Iterable<FunctionRow>): Map<StateWord, number> {
  const counts = new Map<StateWord, number>(stateWords.map((state) => [state, 0]));
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

function compare(a: FunctionRow, b: FunctionRow, { by, isDescending }: RowQuery): number {
  const [x, y] = [orderings[by](a), orderings[by](b)];
  if (x !== y) {
    if (x === undefined) return 1;
    if (y === undefined) return -1;
    return x < y === isDescending ? 1 : -1;
  }
  return a.name < b.name ? -1 : 1;
}

function hasWords({ name, namespace, image, reason = '' }: FunctionRow, words: string[]): boolean {
  if (words.length === 0) return true;
  const text = `${name} ${namespace} ${image} ${reason}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Returns the words of a text that is searched for. */
export function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

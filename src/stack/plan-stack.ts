import { createHash } from 'node:crypto';
import { deploymentText, fullName, type FunctionFile, type FunctionFromFile } from '../provider/index.ts';
import type { StackFile, StackFunction } from './read-stack.ts';

/** A function that is to be what its file says. */
export interface WantedFunction extends StackFunction {
  from: Required<FunctionFile>;
}

export interface StackPlan {
  /** What the files say that can be read. */
  wanted: WantedFunction[];
  /** Not yet what their files say. */
  apply: WantedFunction[];
  /** Of no file any more. */
  prune: FunctionFromFile[];
  problems: string[];
}

/**
 * Says what is to be done so that functions are what the files of a folder say. What a broken file said before stays, and what
 * two files say of one function is said by none.
 * @param known the functions that came from files
 */
export function planFolder(files: StackFile[], known: FunctionFromFile[]): StackPlan {
  const kept = known.filter(({ file }) => file.digest !== undefined);
  const digests = new Map(kept.map(({ file, ...fn }) => [fullName(fn), file]));
  const broken = new Set(files.filter(({ problems }) => problems.length > 0).map((file) => file.path));
  const { single, twice } = namedOnce(files);
  const wanted = single.map(withDigest);
  const apply = wanted.filter(({ deployment, from }) => {
    const before = digests.get(fullName(deployment));
    return before?.digest !== from.digest || before.path !== from.path;
  });
  const named = new Set([...single, ...twice.flat()].map(({ deployment }) => fullName(deployment)));
  const prune = kept.filter((fn) => !named.has(fullName(fn)) && !broken.has(fn.file.path));
  const problems = [...files.flatMap((file) => file.problems), ...twice.map(namedTwice)];
  return { wanted, apply, prune, problems };
}

/** Parts the functions that one file names from those that several do. */
export function namedOnce(files: StackFile[]): { single: StackFunction[]; twice: StackFunction[][] } {
  const groups = Map.groupBy(
    files.flatMap(({ functions }) => functions),
    ({ deployment }) => fullName(deployment),
  );
  const all = [...groups.values()];
  return { single: all.filter(({ length }) => length === 1).flat(), twice: all.filter(({ length }) => length > 1) };
}

/** Says in words that several files name one function. */
export function namedTwice(places: StackFunction[]): string {
  const [first] = places;
  const name = first ? fullName(first.deployment) : '';
  const where = places.map(({ file, line }) => `${file}:${line}`).join(' and ');
  return `function ${name} is in ${where}: leave it in one of them`;
}

function withDigest(fn: StackFunction): WantedFunction {
  const digest = createHash('sha256').update(deploymentText(fn.deployment)).digest('hex');
  return { ...fn, from: { path: fn.file, digest } };
}

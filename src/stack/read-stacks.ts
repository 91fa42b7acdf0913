import { stat } from 'node:fs/promises';
import { namedOnce, namedTwice } from './plan-stack.ts';
import { readStack, type ReadStackOptions, type StackFunction } from './read-stack.ts';
import { stackFiles } from './stack-files.ts';

export interface Stacks {
  functions: StackFunction[];
  problems: string[];
  warnings: string[];
}

/**
 * Reads a stack file, or all of a folder.
 * @param path an absolute path
 * @throws Error of the file system where there is no such file
 */
export async function readStacks(path: string, options: ReadStackOptions): Promise<Stacks> {
  const paths = (await stat(path)).isDirectory() ? ((await stackFiles(path)) ?? []) : [path];
  const files = await Promise.all(paths.map((file) => readStack(file, options)));
  const { single: functions, twice } = namedOnce(files);
  const problems = [...files.flatMap((file) => file.problems), ...twice.map(namedTwice)];
  const warnings = files.flatMap((file) => file.warnings);
  return { functions, problems, warnings };
}

import type { readStacks } from './read-stacks.ts';

export { FunctionsFolder } from './functions-folder.ts';
export { planApply, planPrune, type ApplyStep } from './plan-apply.ts';

/** Does what `readStacks` says; loaded when it is asked for, as the daemon that has no such files does without it. */
export async function readStackFiles(...args: Parameters<typeof readStacks>): ReturnType<typeof readStacks> {
  const { readStacks: read } = await import('./read-stacks.ts');
  return read(...args);
}

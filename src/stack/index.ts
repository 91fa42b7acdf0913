import type { readStackText } from './read-stack.ts';
import type { readStacks } from './read-stacks.ts';

export { FunctionsFolder } from './functions-folder.ts';
export { planApply, planPrune, type ApplyStep } from './plan-apply.ts';

/** Does what `readStacks` says; loaded when it is asked for, as the daemon that has no such files does without it. */
export async function readStackFiles(...args: Parameters<typeof readStacks>): ReturnType<typeof readStacks> {
  const { readStacks: read } = await import('./read-stacks.ts');
  return read(...args);
}

/** Does what `readStackText` says, and is loaded as late. */
export async function readSentStack(...args: Parameters<typeof readStackText>): ReturnType<typeof readStackText> {
  const { readStackText: read } = await import('./read-stack.ts');
  return read(...args);
}

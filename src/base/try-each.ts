import { describeError } from './log.ts';

const named = 5;

/**
 * Acts on one item after the other, and on all of them whatever happens to one.
 * @throws Error that names what failed, its first failure as the cause
 */
export async function tryEach<T>(items: Iterable<T>, act: (item: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      await act(item);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  const more = errors.length > named ? `; and ${errors.length - named} more` : '';
  throw new Error(`${errors.slice(0, named).map(describeError).join('; ')}${more}`, { cause: errors[0] });
}

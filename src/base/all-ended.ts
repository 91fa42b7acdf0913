/**
 * Waits until all have ended, also where one of them fails, so that nothing goes on behind the caller's back.
 * @throws Error of the first, in their order, that failed
 */
export async function allEnded<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

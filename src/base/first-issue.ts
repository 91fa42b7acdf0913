interface SchemaError {
  issues: readonly { path: readonly PropertyKey[]; message: string }[];
}

/**
 * Says where a value first breaks its zod schema and how, such as `limits.memory must be a string`.
 * @param whole stands for the value itself
 */
export function firstIssue({ issues }: SchemaError, whole: string): string {
  const [issue] = issues;
  const where = issue?.path.map(String).join('.').slice(0, 80) || whole;
  const what = issue?.message ?? 'is not valid';
  // zod's own messages are sentences, ours go on from the field's name.
  return `${where}${/^[A-Z]/.test(what) ? ':' : ''} ${what}`;
}

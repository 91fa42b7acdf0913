/** The number that this version writes into its files. */
const ownSchema = 1;

/** Says of what was read from a file that a newer version wrote it; undefined of anything else. */
export function newerSchema(value: unknown): string | undefined {
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (typeof schema !== 'number' || schema <= ownSchema) return undefined;
  return `it is of a newer berth (schema ${schema}, this one knows ${ownSchema}): install that one`;
}

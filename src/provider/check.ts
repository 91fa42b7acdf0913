import { z } from 'zod';
import { BadRequestError } from './provider-errors.ts';

/** The value in the schema's shape. Throws BadRequestError for the first thing that is wrong, naming its field. */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.').slice(0, 80) || 'the body';
  throw new BadRequestError(`${field} ${issue?.message ?? 'is not valid'}`, { cause: result.error });
}

/** Null is what Go sends for a map or list that was never made. */
export const text = z
  .string({ error: 'must be a string' })
  .refine((value) => !value.includes('\0'), 'must not hold a NUL');
export const optionalText = text.nullish().transform((value) => value ?? undefined);
export const optionalTexts = z
  .array(text, { error: 'must be a list of strings' })
  .nullish()
  .transform((value) => value ?? undefined);
export const optionalTextMap = z
  .record(z.string(), text, { error: 'must be an object of strings' })
  .nullish()
  .transform((value) => value ?? undefined);

/** An object of which we read these fields; the others are ignored, as Go does. */
export function body<T extends z.ZodRawShape>(shape: T): z.ZodObject<T> {
  return z.object(shape, { error: 'must be a JSON object' });
}

/** The last value of a query key, as faas-provider takes it; undefined when absent or empty. */
export function lastOf(query: URLSearchParams, key: string): string | undefined {
  return query.getAll(key).at(-1) || undefined;
}

/** Go's strconv.ParseBool, where what it cannot parse is false. */
export function flagOf(query: URLSearchParams, key: string): boolean {
  return /^(1|t|T|true|True|TRUE)$/.test(lastOf(query, key) ?? '');
}

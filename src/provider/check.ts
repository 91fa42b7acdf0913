import type { Context } from 'koa';
import { z } from 'zod';
import { firstIssue } from '../base/first-issue.ts';
import { BadRequestError } from './provider-errors.ts';

/**
 * Returns the value in the schema's shape.
 * @throws BadRequestError for the first thing that is wrong, naming its field
 */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new BadRequestError(firstIssue(error, 'the body'), { cause: error });
}

/** A label's key and value together, in containerd; Kubernetes takes less. */
const labelBytes = 4096;
/** All annotations of an object together, as in Kubernetes. */
const annotationsBytes = 256 * 1024;

// What has half a surrogate pair cannot be written in UTF-8, which is all that containerd and the kernel read.
const text = z
  .string({ error: 'must be a string' })
  .refine((value) => !value.includes('\0'), 'must not hold a NUL')
  .refine((value) => value.isWellFormed(), 'must be Unicode text, without half a surrogate pair');
const textMap = z.record(text, text, { error: 'must be an object of strings' });
export const optionalText = optional(text);
export const optionalTexts = optional(z.array(text, { error: 'must be a list of strings' }));
export const optionalTextMap = optional(textMap);
export const optionalLabels = optional(
  textMap
    .refine((labels) => !('' in labels), 'must not have an empty name')
    .refine(
      (labels) => Object.entries(labels).every((label) => bytesOf(label) <= labelBytes),
      `must not have one of more than ${labelBytes} bytes, name and value`,
    ),
);
export const optionalAnnotations = optional(
  textMap
    .refine((annotations) => !('' in annotations), 'must not have an empty name')
    .refine(
      (annotations) => bytesOf(Object.entries(annotations).flat()) <= annotationsBytes,
      `must not be more than ${annotationsBytes} bytes, names and values`,
    ),
);

function bytesOf(texts: string[]): number {
  return texts.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
}

/** Makes the schema of a field that may be absent, or null, which Go sends for a map or list that was never made. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Makes the schema of an object of which we read these fields; the others are ignored, as Go does. */
export function body<T extends z.ZodRawShape>(shape: T): z.ZodObject<T> {
  return z.object(shape, { error: 'must be a JSON object' });
}

/** Returns the last value of a query key, as faas-provider takes it; undefined when absent or empty. */
export function lastOf(ctx: Context, key: string): string | undefined {
  return new URLSearchParams(ctx.querystring).getAll(key).at(-1) || undefined;
}

/** Reads a query key as Go's strconv.ParseBool does; what that cannot parse is false. */
export function flagOf(ctx: Context, key: string): boolean {
  return /^(1|t|T|true|True|TRUE)$/.test(lastOf(ctx, key) ?? '');
}

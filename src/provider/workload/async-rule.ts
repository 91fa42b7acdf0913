import { quote } from '../../base/quote.ts';
import { parseFullName } from '../full-name.ts';
import type { FunctionDeployment, FunctionName } from '../types.ts';
import { SettingReader, toBoolean, toCount, toTimerMs } from './read-setting.ts';

/** When an asynchronous call is made again. */
export interface RetryRule {
  /** How often a call is made at most, 1 at least. */
  attempts: number;
  /** The statuses of the function that are no answer. */
  codes: ReadonlySet<number>;
  /** The shortest and the longest pause before the next attempt, in milliseconds. */
  minWaitMs: number;
  maxWaitMs: number;
}

/** What a function's `com.openfaas.async.*` and `com.openfaas.retry.*` labels or annotations ask for. */
export interface AsyncRule {
  /** How many of its asynchronous calls are made at once, on all its replicas together; absent where it does not say. */
  concurrency?: number;
  /** Small answers are kept with their calls. */
  keepsResult: boolean;
  /** The function that is given the calls which failed for good. */
  deadLetter?: FunctionName;
  retry: RetryRule;
  /** What a deployer is told of settings that cannot be read, and of how to write them. */
  unreadable: string[];
}

/** When a call is made again whose function does not say. */
export const defaultRetry: RetryRule = {
  attempts: 10,
  codes: new Set([408, 429, 500, 502, 503, 504]),
  minWaitMs: 10_000,
  maxWaitMs: 120_000,
};
/** Longer than a list of every status, and than the longest name of a function. */
const longestText = 4096;

/**
 * Reads what a function says of its asynchronous calls, be it a label or an annotation; the annotation counts where both are
 * set. What cannot be read counts as absent.
 * Sources: https://docs.openfaas.com/openfaas-pro/retries/ and https://docs.openfaas.com/reference/async/
 */
export function asyncRuleOf({ namespace, labels, annotations }: FunctionDeployment): AsyncRule {
  const settings = { ...labels, ...annotations };
  const calls = new SettingReader(settings, 'com.openfaas.async.');
  const retries = new SettingReader(settings, 'com.openfaas.retry.');
  return {
    concurrency: calls.read('concurrency', toCount, 'a whole number from 1 to 999999'),
    keepsResult: calls.read('keep-result', toBoolean, 'true or false') ?? false,
    deadLetter: deadLetterOf(calls, namespace),
    retry: retryRuleOf(retries),
    unreadable: [...calls.unreadable, ...retries.unreadable],
  };
}

function retryRuleOf(reader: SettingReader): RetryRule {
  const wait = (name: string) => reader.read(name, toTimerMs, 'seconds, or a duration such as 10s or 1m30s');
  const minWaitMs = wait('min_wait');
  const askedMs = wait('max_wait');
  if (askedMs !== undefined && minWaitMs !== undefined && askedMs < minWaitMs)
    reader.refuse(
      'max_wait',
      `${quote(reader.text('max_wait') ?? '')} is shorter than min_wait`,
      'one as long or longer',
    );
  const maxWaitMs = askedMs ?? Math.max(minWaitMs ?? 0, defaultRetry.maxWaitMs);
  const shortestMs = minWaitMs ?? Math.min(defaultRetry.minWaitMs, maxWaitMs);
  return {
    attempts: reader.read('attempts', toAttempts, 'a whole number up to 999999') ?? defaultRetry.attempts,
    codes: codesOf(reader) ?? defaultRetry.codes,
    minWaitMs: shortestMs,
    maxWaitMs: Math.max(shortestMs, maxWaitMs),
  };
}

/** Parses how often, where 0 means as little as possible. */
function toAttempts(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Math.max(1, Number(text)) : undefined;
}

/** An empty list is none: then a call is made again only where the platform has failed. */
function codesOf(reader: SettingReader): Set<number> | undefined {
  const text = reader.text('codes');
  if (text === undefined) return undefined;
  const codes = text.length > longestText ? ['?'] : text.split(/[\s,]+/).filter((code) => code !== '');
  if (codes.every((code) => /^[1-5]\d\d$/.test(code))) return new Set(codes.map(Number));
  reader.refuse('codes', `${quote(text)} is no list of statuses`, 'one such as 429,500,502,503,504');
  return undefined;
}

function deadLetterOf(reader: SettingReader, namespace: string): FunctionName | undefined {
  const text = reader.text('dead-letter')?.slice(0, longestText).trim();
  if (!text) return undefined;
  const fn = parseFullName(text, namespace);
  if (!fn) reader.refuse('dead-letter', `${quote(text)} is no function's name`, 'NAME or NAME.NAMESPACE');
  return fn;
}

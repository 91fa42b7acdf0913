import { parseSecondsOrGoDuration } from '../base/go-duration.ts';
import { CallbackAllow } from '../gateway/index.ts';
import { parseMemory, setting, wholeNumber } from '../provider/index.ts';

const memory = { parse: (text: string) => parseMemory(text), unit: 'an amount such as 16Mi' };
const kept = {
  parse(text: string) {
    const ms = parseSecondsOrGoDuration(text);
    if (ms < 0) throw new RangeError('below 0');
    return ms;
  },
  unit: 'seconds or a duration such as 24h',
};

/** The settings of asynchronous calls and schedules. */
export const asyncSettings = {
  asyncBodyLimitBytes: setting('async_body_limit', '16Mi', memory, 'the largest body of an asynchronous call'),
  asyncConcurrency: setting(
    'async_concurrency',
    '100',
    { ...wholeNumber, parse: (digits: string) => wholeNumber.parse(digits) || Infinity },
    'asynchronous calls that are made at once, of all functions together; `0`: no limit',
  ),
  asyncMaxCalls: setting(
    'async_max_calls',
    '1000000',
    wholeNumber,
    'asynchronous calls that may wait; more are answered 429',
  ),
  asyncMaxBytes: setting(
    'async_max_bytes',
    undefined,
    memory,
    'what the bodies of asynchronous calls may take; unset: `10Gi`, or half of what is free on the disk where that is less',
  ),
  asyncRetentionMs: setting(
    'async_retention',
    '24h',
    kept,
    'how long it is known what became of a call, and one that failed can be replayed; `0`: not at all',
  ),
  callbackAllow: setting(
    'callback_allow',
    'none',
    {
      parse: (list: string) => new CallbackAllow(list),
      unit: 'a list such as 192.168.1.0/24, hooks.lan, *.corp.example; or none',
    },
    'addresses of private networks, and names that lead there, which `X-Callback-Url` may name; public ones always may be',
  ),
};

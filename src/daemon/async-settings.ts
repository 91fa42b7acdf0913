import { parseSecondsOrGoDuration } from '../base/go-duration.ts';
import { CallbackAllow, parseNatsAddress } from '../gateway/index.ts';
import { parseMemory, path, setting, wholeNumber } from '../provider/index.ts';

const memory = { parse: (text: string) => parseMemory(text), unit: 'an amount such as 16Mi' };
const kept = {
  parse(text: string) {
    const ms = parseSecondsOrGoDuration(text);
    if (ms < 0) throw new RangeError('below 0');
    return ms;
  },
  unit: 'seconds or a duration such as 24h',
};

const streamName = { parse: toStreamName, unit: 'letters, digits, `_` and `-`' };

function toStreamName(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) throw new RangeError('not a name of a stream');
  return text;
}

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
  natsAddress: setting(
    'nats_url',
    undefined,
    { parse: parseNatsAddress, unit: 'nats://HOST:PORT or tls://HOST:PORT, more servers of one cluster after commas' },
    'a NATS server with JetStream that keeps asynchronous calls; unset: `data_dir` does',
  ),
  natsCredentials: setting(
    'nats_credentials',
    undefined,
    path,
    'the login at NATS: a credentials file, as `nsc` makes it',
  ),
  natsCa: setting(
    'nats_ca',
    undefined,
    path,
    'certificates of who signs for NATS servers, beside those that the host trusts',
  ),
  natsStream: setting(
    'nats_stream',
    'berth-async',
    streamName,
    'the stream of the calls at NATS, one for each host; with `-bodies` the object store of their bodies',
  ),
};

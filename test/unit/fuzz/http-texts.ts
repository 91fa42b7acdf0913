import fc from 'fast-check';
import { apiRequest, text, type ApiRequest } from './api-texts.ts';

/** A request as it goes over the wire, well formed or not. */
export interface RawRequest {
  method: string;
  target: string;
  headers: string[];
  body: string;
}

const deep = (open: string, close: string, times: number) => open.repeat(times) + close.repeat(times);

/** JSON that is no text where one is asked for, or is more than a reader expects. */
const oddJson = fc.constantFrom(
  ...['null', '[]', '{}', '[null]', 'true', '-0', '1e999', '1234567890123456789012345678901234567890', '{"":""}'],
  ...['"\\ud800"', '"\\u0000"', '"\ufeff"', '{"__proto__":{"a":"b"}}', '{"constructor":{"prototype":{"a":"b"}}}'],
  ...[deep('[', ']', 30_000), `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`, `["${'x'.repeat(100_000)}"]`],
);

const paths: Record<ApiRequest['handler'], string> = {
  deployFunction: '/system/functions',
  updateFunction: '/system/functions',
  deleteFunction: '/system/functions',
  functionStatus: '/system/function/',
  scaleFunction: '/system/scale-function/',
  secrets: '/system/secrets',
  mutateNamespace: '/system/namespace/',
  logs: '/system/logs',
  alert: '/system/alert',
};

/** The body's JSON, some of it replaced, said twice, cut off or wrapped. */
const body = fc
  .record({
    request: apiRequest,
    odd: fc.option(oddJson),
    at: fc.nat(5),
    twice: fc.boolean(),
    keep: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 6 }),
    wrap: fc.constantFrom('', '', '', '[', '\ufeff', '"'),
  })
  .map(({ request, odd, at, twice, keep, wrap }) => {
    const fields = Object.entries(request.body).map(([key, value], index) => {
      return `${JSON.stringify(key)}:${odd !== null && index === at ? odd : JSON.stringify(value)}`;
    });
    if (twice && fields[0]) fields.push(fields[0]);
    const whole = `${wrap}{${fields.join()}}`;
    return { request, body: keep === null ? whole : whole.slice(0, Math.floor(whole.length * keep)) };
  });

/** A part of a path: encoded, half encoded, or as it is. */
const part = fc.oneof(
  text.map((name) => encodeURIComponent(name.toWellFormed())),
  text.map((name) => name.replaceAll(/[\r\n]/g, '%0a')),
  fc.constantFrom(
    '%',
    '%zz',
    '%00',
    '%2e%2e%2f',
    '..',
    '.',
    '//',
    '\\',
    '%c3%28',
    'fn',
    'fn.',
    '.fn',
    'a.b.c',
    '?',
    '#',
  ),
);
const query = fc.array(fc.tuple(fc.constantFrom('namespace', 'name', 'tail', 'since', 'instance', 'usage'), part), {
  maxLength: 3,
});
const queryText = query.map((all) =>
  all.length > 0 ? `?${all.map(([key, value]) => `${key}=${value}`).join('&')}` : '',
);

const login = `Basic ${btoa('admin:password')}`;
const header = fc.oneof(
  { weight: 12, arbitrary: fc.constant(`Authorization: ${login}`) },
  { weight: 1, arbitrary: part.map((value) => `Authorization: Basic ${value}`) },
  { weight: 1, arbitrary: part.map((value) => `Authorization: ${value}`) },
);
const extra: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<string[]>([]) },
  fc.constantFrom<string[]>(
    ['Content-Encoding: gzip'],
    ['Content-Encoding: x'],
    ['Content-Type: text/plain; charset=x'],
    ['Expect: x'],
  ),
  part.map((value) => [`X-Call-Id: ${value}`]),
);

const system = fc
  .record({ from: body, name: part, queryText, authorization: header, extra })
  .map(({ from, name, queryText: tail, authorization, extra: more }) => {
    const path = paths[from.request.handler];
    const target = path + (path.endsWith('/') ? name : '') + tail;
    return { method: from.request.method, target, headers: [authorization, ...more], body: from.body };
  });

const call = fc
  .record({ method: fc.constantFrom('GET', 'POST'), name: part, rest: part, queryText, extra })
  .map(({ method, name, rest, queryText: tail, extra: headers }) => {
    // No function has such a name, so nobody waits for one.
    return { method, target: `/function/no-${name}/${rest}${tail}`, headers, body: '' };
  });

/** Any request that a client might send, with any texts in it. */
export const rawRequest: fc.Arbitrary<RawRequest> = fc.oneof(
  { weight: 3, arbitrary: system },
  { weight: 1, arbitrary: call },
);

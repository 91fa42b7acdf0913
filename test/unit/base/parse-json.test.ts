import test from 'ava';
import { parseJson } from '../../../src/base/parse-json.ts';

test('JSON is parsed, and what is none is undefined', (t) => {
  t.deepEqual(parseJson('{"a":[1]}'), { a: [1] });
  t.is(parseJson('null'), null);
  for (const text of ['', '{"a":', 'hello']) t.is(parseJson(text), undefined);
});

/** The documents for those who change berth name files and what is in them. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

const checkout = join(import.meta.dirname, '../../..');

for (const document of ['docs/architecture.md', 'CONTRIBUTING.md']) {
  test(`every path that ${document} names exists`, async (t) => {
    const text = await readFile(join(checkout, document), 'utf8');
    const paths = text.matchAll(/(?<![\w./-])(?:src|test|protos|cni|docs|examples)\/[\w./-]*\w/g);
    const missing = [...paths].map(([path]) => path).filter((path) => !existsSync(join(checkout, path)));
    t.deepEqual(missing, []);
  });
}

test('every name that docs/architecture.md says to be in a file is there', async (t) => {
  const text = await readFile(join(checkout, 'docs/architecture.md'), 'utf8');
  const places = [...text.matchAll(/`(\w+)`\s+in\s+`([\w./-]+)`/g)];
  t.true(places.length > 20);
  for (const [, name = '', path = ''] of places) {
    const file = join(checkout, path);
    if (!(await stat(file)).isFile()) continue;
    t.regex(await readFile(file, 'utf8'), new RegExp(`\\b${name}\\b`), `${name} in ${path}`);
  }
});

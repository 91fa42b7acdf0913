/** Links within the documents lead somewhere. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';

const checkout = join(import.meta.dirname, '../../..');
const inFolder = async (folder: string) => (await readdir(join(checkout, folder))).map((name) => join(folder, name));
const documents = [...(await inFolder('.')), ...(await inFolder('docs'))].filter((path) => path.endsWith('.md'));

/** Gives what GitHub makes of a heading to link to. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');

for (const document of documents) {
  test(`every relative link of ${document} leads to a file, and to a heading in it`, async (t) => {
    const text = await readFile(join(checkout, document), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [file, anchor] = link.split('#');
      const path = file ? join(dirname(document), file) : document;
      t.true(existsSync(join(checkout, path)), link);
      if (anchor === undefined) continue;
      const headings = (await readFile(join(checkout, path), 'utf8')).matchAll(/^#+ (.*)$/gm);
      t.true(
        [...headings].some(([, heading = '']) => anchorOf(heading) === anchor),
        link,
      );
    }
    t.pass();
  });
}

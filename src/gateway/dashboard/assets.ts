import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A file of the page, as a browser gets it. */
export interface Asset {
  type: string;
  body: Buffer;
  /** The body in fewer bytes, for whoever takes gzip: every browser does. */
  packed: Buffer;
  /** Of both: they say the same. */
  etag: string;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const folder = join(import.meta.dirname, 'browser');

/**
 * Reads the files of the page, by what is behind `/ui/` in their addresses; the page itself is ``. Where berth runs from its
 * source the browser gets that without its types; an installed one has been compiled.
 */
export async function readAssets(): Promise<Map<string, Asset>> {
  const names = await readdir(folder, { recursive: true });
  const assets = new Map<string, Asset>();
  for (const name of names) {
    const text = await textOf(name);
    if (text !== undefined) assets.set(name.replace(/\.ts$/, '.js').replace(/^index\.html$/, ''), assetOf(name, text));
  }
  // One file with all of it, made for pages without a bundler: https://github.com/developit/htm
  const preact = fileURLToPath(import.meta.resolve('htm/preact/standalone'));
  return assets.set('preact.js', assetOf('preact.js', await readFile(preact, 'utf8')));
}

async function textOf(name: string): Promise<string | undefined> {
  const isSource = name.endsWith('.ts') && !name.endsWith('.d.ts');
  if (!isSource && types[extname(name)] === undefined) return undefined;
  const text = await readFile(join(folder, name), 'utf8');
  if (!isSource) return withoutRemarks(text);
  return withoutRemarks(stripTypeScriptTypes(text).replaceAll(/(?<=\b(?:from |import\()'\.[^'\n]*\.)ts(?=')/g, 'js'));
}

/** Takes out what browsers have no use for, a quarter of it all: comments with a line of their own, and blanks around lines. */
function withoutRemarks(text: string): string {
  const lines = text.replaceAll(/^[ \t]*\/\*[^]*?\*\/[ \t]*$/gm, '').split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'))
    .join('\n');
}

function assetOf(name: string, text: string): Asset {
  const body = Buffer.from(text);
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { type: types[extname(name)] ?? types['.js'] ?? '', body, packed: gzipSync(body, { level: 9 }), etag };
}

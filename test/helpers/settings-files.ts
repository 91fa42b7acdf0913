/** The files that show settings, as the tables of settings say. `npm run settings` writes them, a unit test compares them. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { daemonSettings } from '../../src/daemon/config.ts';
import { faasSettings, type Setting } from '../../src/provider/index.ts';

/** The documents that show tables, each between `<!-- settings:NAME -->` and `<!-- /settings -->`. */
const documents = ['docs/settings.md', 'docs/sdk.md'];
/** What the installer puts at /etc/berth/berth.env, where the operator takes the # off what is to be set. */
const template = 'src/daemon/berth.env';

const tables = { daemon: Object.values(daemonSettings), sdk: Object.values(faasSettings) };

const checkout = join(import.meta.dirname, '../..');

export interface SettingsFile {
  path: string;
  text: string;
  wanted: string;
}

export async function settingsFiles(): Promise<SettingsFile[]> {
  const readIn = async (file: string, toWanted: (text: string) => string): Promise<SettingsFile> => {
    const path = join(checkout, file);
    const text = await readFile(path, 'utf8');
    return { path, text, wanted: toWanted(text) };
  };
  return Promise.all([readIn(template, () => environmentFile()), ...documents.map((file) => readIn(file, withTables))]);
}

function withTables(document: string): string {
  return document.replaceAll(
    /(<!-- settings:(daemon|sdk) -->\n).*?(<!-- \/settings -->)/gs,
    (_, start: string, name: keyof typeof tables, end: string) => `${start}${markdownTable(tables[name])}${end}`,
  );
}

function markdownTable(rows: Setting<unknown>[]): string {
  const lines = rows.map((row) => [`\`${row.name}\``, row.unit, row.default ? `\`${row.default}\`` : '', row.meaning]);
  const table = [['variable', 'value', 'default', 'meaning'], ['---', '---', '---', '---'], ...lines];
  return table.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function environmentFile(): string {
  const head = '# Settings of berth; restart it after a change. Lines like #port=8080 show the defaults.\n';
  const settings = tables.daemon.map(
    (row) => `\n# ${row.meaning.replaceAll('`', '')} (${row.unit})\n#${row.name}=${row.default ?? ''}\n`,
  );
  return head + settings.join('');
}

if (import.meta.main) for (const { path, wanted } of await settingsFiles()) await writeFile(path, wanted);

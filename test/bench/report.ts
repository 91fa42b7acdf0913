import { join } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import { Figures, type Row } from './figures.ts';
import type { MachineFacts } from './machine.ts';
import { plotOf } from './plot.ts';
import { tableOf } from './table.ts';
import { targetTable } from './targets.ts';

const docs = join(import.meta.dirname, '../../docs');

/** A run as it is kept in docs/performance.json. */
export interface RunData {
  date: string;
  minutes: number;
  machine: MachineFacts;
  rows: Row[];
}

/** Writes the run's data, its picture, and its tables into docs/performance.md. */
export async function saveRun(data: RunData): Promise<void> {
  const page = join(docs, 'performance.md');
  await writeFile(join(docs, 'performance.json'), jsonOf(data));
  await writeFile(join(docs, 'performance.svg'), plotOf(new Figures(data.rows)));
  await writeFile(page, withTables(await readFile(page, 'utf8'), data));
}

/** The run as JSON with one row a line, so that another run changes the figures and not the shape of the file. */
export function jsonOf({ rows, ...about }: RunData): string {
  const fields = Object.entries(about).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const lines = rows.map((row) => JSON.stringify({ ...row, samples: rounded(row.samples) }));
  return `{\n${fields.join(',\n')},\n"rows": [\n${lines.join(',\n')}\n]\n}\n`;
}

/** The page with the tables of this run between its marks. */
export function withTables(page: string, { rows, machine, date, minutes }: RunData): string {
  const figures = new Figures(rows);
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const picture = '![The medians as bars, each row in proportion to its longest](performance.svg)';
  const run = `Run of ${date}, ${minutes} minutes: ${facts.join('; ')}.`;
  return [
    ['targets', targetTable(figures)],
    [
      'run',
      `${run}\nThe data: [performance.json](performance.json).\n\n${picture}\n\n\`\`\`text\n${tableOf(figures).trimEnd()}\n\`\`\``,
    ],
  ].reduce(
    (text, [name, content]) =>
      text.replace(
        new RegExp(`(<!-- bench:${name} -->\n)[^]*?(<!-- /bench:${name} -->)`),
        (_, start: string, end: string) => `${start}\n${content}\n\n${end}`,
      ),
    page,
  );
}

function rounded(samples: Row['samples']): Row['samples'] {
  return Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [name, values.map((value) => Number(value.toPrecision(4)))]),
  );
}

import { type Figures, medianOf, readable, type Row } from './figures.ts';

/** The contender that the others of a group are compared with. */
export const besides: Record<string, string> = {
  calls: 'nginx',
  life: 'ctr run -d',
  asleep: '1',
  pull: 'ctr pull',
  async: 'a file each',
};

/** Lines with the medians of all rows, each with its ratio to the group's other side in parentheses. */
export function tableOf({ rows }: Figures): string {
  return [...Map.groupBy(rows, ({ group }) => group)].flatMap(([group, its]) => linesOf(group, its)).join('\n');
}

function linesOf(group: string, rows: Row[]): string[] {
  const contenders = [...new Set(rows.flatMap(({ samples }) => Object.keys(samples)))];
  const cells = rows.map((row) => [`${row.what}, ${row.unit}`, ...contenders.map((name) => cellOf(row, name))]);
  const table = [[group, ...contenders], ...cells];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0))) ?? [];
  const lines = table.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  return [...lines, ''];
}

function cellOf({ group, samples }: Row, contender: string): string {
  const value = medianOf(samples[contender]);
  if (value === undefined) return '';
  const beside = besides[group] ?? '';
  const other = contender === beside ? undefined : medianOf(samples[beside]);
  return readable(value) + (other ? ` (${(value / other).toFixed(2)})` : '');
}

import { besides } from './table.ts';
import { type Figures, medianOf, readable, type Row } from './figures.ts';

const width = 860;
const barHeight = 13;
const labelWidth = 330;
const barWidth = 340;
const colours = ['#2c6fbb', '#7fb2e5', '#5f9e4f', '#c9a227', '#999999', '#b5527a'];

/** What is drawn of each group; all of it where nothing is said. */
const drawn: Record<string, RegExp> = { calls: /: rate$/ };

/** An SVG picture of the medians: a bar for each contender of a row, in proportion to the longest of the row. */
export function plotOf({ rows }: Figures): string {
  const parts: string[] = [];
  let y = 24;
  for (const [group, all] of Map.groupBy(rows, (row) => row.group)) {
    const contenders = [...new Set(all.flatMap(({ samples }) => Object.keys(samples)))];
    parts.push(text(8, y, group, 'font-weight="bold"'), ...legend(contenders, y));
    y += 14;
    for (const row of all.filter(({ what }) => drawn[group]?.test(what) ?? true)) {
      const [bars, height] = barsOf(row, contenders, y);
      parts.push(...bars);
      y += height + 8;
    }
    y += 26;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

function legend(contenders: string[], y: number): string[] {
  return contenders.flatMap((name, i) => {
    const x = 110 + i * 125;
    return [`<rect x="${x}" y="${y - 9}" width="9" height="9" fill="${colourOf(i)}"/>`, text(x + 14, y, name)];
  });
}

function barsOf({ group, what, unit, samples }: Row, contenders: string[], top: number): [string[], number] {
  const medians = contenders.map((name) => medianOf(samples[name]));
  const longest = Math.max(...medians.map((value) => value ?? 0)) || 1;
  const other = medianOf(samples[besides[group] ?? '']);
  const parts = [text(8, top + 10, `${what.replace(/: rate$/, '')}, ${unit}`)];
  let y = top;
  for (const [i, value] of medians.entries()) {
    if (value === undefined) continue;
    const length = (value / longest) * barWidth;
    const ratio = other === undefined || contenders[i] === besides[group] ? '' : ` (${(value / other).toFixed(2)})`;
    parts.push(
      `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 2}" fill="${colourOf(i)}"/>`,
      text(labelWidth + length + 5, y + 9, readable(value) + ratio),
    );
    y += barHeight;
  }
  return [parts, y - top];
}

const colourOf = (i: number) => colours[i % colours.length] ?? '';

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped}</text>`;
}

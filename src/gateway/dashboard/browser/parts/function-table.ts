import type { FunctionRow } from '../../wire.ts';
import { html, useEffect, useState } from '../preact.js';
import type { RowQuery, SortKey } from '../row-order.ts';
import { FunctionLine } from './function-line.ts';

/** What is sorted by, as it is called; numbers begin with the greatest. */
const columns: { by: SortKey; title: string; about?: string }[] = [
  { by: 'name', title: 'Function' },
  { by: 'state', title: 'State' },
  { by: 'replicas', title: 'Replicas', about: 'Replicas that are ready, of those that are wanted' },
  { by: 'rate', title: 'Calls/s', about: 'Calls a second, of the last minute' },
  { by: 'p50', title: 'p50', about: 'Half of the calls of the last minute took no longer' },
  { by: 'p99', title: 'p99', about: '99 of 100 calls of the last minute took no longer' },
  {
    by: 'errors',
    title: 'Errors',
    about: 'Calls of the last minute that were answered with a status of 500 and above',
  },
  { by: 'memory', title: 'Memory', about: 'Working set of all replicas' },
  { by: 'cpu', title: 'CPU', about: 'Of one core' },
];

/** More than any screen shows; the others follow when the page can be used already. */
const rowsAtFirst = 100;
const rowsMore = 200;

export interface FunctionTableOptions {
  groups: [namespace: string, rows: FunctionRow[]][];
  query: RowQuery;
  onQuery: (query: RowQuery) => void;
}

/** All functions, by namespace; its columns sort it. On narrow screens each is a card, sorted by a select. */
export function FunctionTable({ groups, query, onQuery }: FunctionTableOptions) {
  const sort = (by: SortKey) => {
    const isText = by === 'name' || by === 'state';
    onQuery({ ...query, by, isDescending: by === query.by ? !query.isDescending : !isText });
  };
  const drawn = useDrawn(
    groups.reduce((sum, [, rows]) => sum + rows.length, 0),
    query,
  );
  let room = drawn;
  const take = (rows: FunctionRow[]) => {
    const taken = rows.slice(0, room);
    room -= taken.length;
    return taken;
  };
  return html`<table class="functions" role="table" aria-label="Functions">
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map((column) => html`<${Head} key=${column.by} column=${column} query=${query} onSort=${sort} />`)}
      </tr>
    </thead>
    ${groups.map(
      ([namespace, rows]) =>
        html`<tbody key=${namespace} role="rowgroup">
          ${groups.length > 1 && html`<${Group} key="" namespace=${namespace} count=${rows.length} />`}
          ${take(rows).map((row) => html`<${FunctionLine} key=${row.name} row=${row} />`)}
        </tbody>`,
    )}
  </table>`;
}

/** Returns how many rows are drawn by now: few at first, after another question as well, then more and more. */
function useDrawn(total: number, query: RowQuery): number {
  const [drawn, setDrawn] = useState({ query, rows: rowsAtFirst });
  const rows = drawn.query === query ? drawn.rows : rowsAtFirst;
  useEffect(() => {
    if (rows >= total) return;
    const timer = setTimeout(() => setDrawn({ query, rows: rows + rowsMore }));
    return () => clearTimeout(timer);
  }, [rows, total, query]);
  return rows;
}

interface HeadOptions {
  column: (typeof columns)[number];
  query: RowQuery;
  onSort: (by: SortKey) => void;
}

function Head({ column: { by, title, about }, query, onSort }: HeadOptions) {
  const isSorted = query.by === by;
  const order = query.isDescending ? 'descending' : 'ascending';
  return html`<th role="columnheader" scope="col" aria-sort=${isSorted ? order : undefined}>
    <button type="button" title=${about} onClick=${() => onSort(by)}>${title}</button>
  </th>`;
}

function Group({ namespace, count }: { namespace: string; count: number }) {
  return html`<tr role="row" class="group">
    <th role="rowheader" scope="rowgroup">${namespace} <span class="faint">${count}</span></th>
  </tr>`;
}

/** Chooses what cards are sorted by, where there are no heads of columns. */
export function SortSelect({ query, onQuery }: Omit<FunctionTableOptions, 'groups'>) {
  const choose = (event: Event) => {
    const by = (event.currentTarget as HTMLSelectElement).value as SortKey;
    onQuery({ ...query, by, isDescending: by !== 'name' && by !== 'state' });
  };
  return html`<label class="narrow">
    Sorted by
    <select value=${query.by} onChange=${choose}>
      ${columns.map(({ by, title }) => html`<option key=${by} value=${by}>${title}</option>`)}
    </select>
  </label>`;
}

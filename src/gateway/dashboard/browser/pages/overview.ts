import { useLive } from '../live.ts';
import { FirstSteps } from '../parts/first-steps.ts';
import { FunctionTable, SortSelect } from '../parts/function-table.ts';
import { HostCard } from '../parts/host-card.ts';
import { html, useState } from '../preact.js';
import { countStates, type RowQuery, shownRows, stateWords } from '../row-order.ts';

/** As it was left: whoever comes back from a function finds it so. */
let lastQuery: RowQuery = { text: '', state: '', by: 'name', isDescending: false };

/** All functions, and the host they are on. */
export function OverviewPage() {
  const { functions, host, pulls, isLost } = useLive();
  const [query, setQuery] = useState(lastQuery);
  const ask = (asked: RowQuery) => setQuery((lastQuery = asked));
  if (!host)
    return html`<h1>Functions</h1>
      ${!isLost && html`<p role="status">Asking berth what runs…</p>`}`;
  const groups = shownRows(functions.values(), query);
  return html`<${HostCard} host=${host} pulls=${pulls} /> ${
      functions.size === 0
        ? html`<${FirstSteps} />`
        : html`<h2>Functions</h2>
            <${Filters} query=${query} onQuery=${ask} />
            ${
              groups.length > 0
                ? html`<${FunctionTable} groups=${groups} query=${query} onQuery=${ask} />`
                : html`<${None} onQuery=${ask} />`
            }`
    }`;
}

interface QueryOptions {
  query: RowQuery;
  onQuery: (query: RowQuery) => void;
}

function Filters({ query, onQuery }: QueryOptions) {
  const { functions } = useLive();
  const counts = countStates(functions.values());
  const choice = (state: RowQuery['state'], count: number) =>
    html`<button
      key=${state}
      type="button"
      aria-pressed=${query.state === state}
      onClick=${() => onQuery({ ...query, state })}
    >
      ${state === '' ? 'all' : html`<span class=${`state ${state}`}>${state}</span>`} <b>${count}</b>
    </button>`;
  const type = (event: Event) => onQuery({ ...query, text: (event.currentTarget as HTMLInputElement).value });
  return html`<div class="filters">
    <label class="grow">
      <span class="off-screen">Filter by name, namespace, image or reason</span>
      <input type="search" placeholder="Filter by name, namespace, image" value=${query.text} onInput=${type} />
    </label>
    <div class="buttons" role="group" aria-label="Filter by state">
      ${choice('', functions.size)} ${stateWords.map((state) => choice(state, counts.get(state) ?? 0))}
    </div>
    <${SortSelect} query=${query} onQuery=${onQuery} />
  </div>`;
}

function None({ onQuery }: Pick<QueryOptions, 'onQuery'>) {
  return html`<p role="status" class="card">
    No function is like that.
    <button type="button" class="quiet" onClick=${() => onQuery({ ...lastQuery, text: '', state: '' })}>
      Show all
    </button>
  </p>`;
}

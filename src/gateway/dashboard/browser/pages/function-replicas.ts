import type { FunctionName, ReplicaStatus } from '../../../../provider/index.ts';
import type { FunctionRow } from '../../wire.ts';
import { api } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { Problem } from '../parts/problem.ts';
import { Table } from '../parts/table.ts';
import { Value } from '../parts/value.ts';
import { html } from '../preact.js';
import { agoText, clockedText, timeText } from '../texts.ts';

/** Each replica: its address, since when, and what it went through. */
export function Replicas({ fn, row }: { fn: FunctionName; row?: FunctionRow }) {
  const path = `/system/function/${fn.name}/replicas?namespace=${fn.namespace}`;
  const ask = (signal: AbortSignal) => api.json<ReplicaStatus[]>(path, { signal });
  const { value, problem } = useLoaded(ask, [path, row?.state, row?.ready, row?.wanted], 5000);
  return html`<section class="card" aria-labelledby="replicas">
    <h2 id="replicas">Replicas</h2>
    <${Problem} text=${problem} />
    ${value && (value.length === 0 ? html`<p class="hint">There is none: a call brings the first.</p>` : html`<${Table} heads=${heads} rows=${value.map(rowOf)} />`)}
  </section>`;
}

const heads = ['Replica', 'State', 'Address', 'Since', 'Calls now', 'Restarts', 'Last exit'];

function rowOf({ id, state, address, since, inFlight, restarts, lastExit, reason, generation }: ReplicaStatus) {
  const cells = [
    html`<span class="mono" title=${`generation ${generation}`}>${id}</span>`,
    html`<span class=${`replica-${state}`}>${state}${reason && html`: <${Value} text=${reason} />`}</span>`,
    html`<span class="mono">${address ?? '–'}</span>`,
    html`<span title=${timeText(since)}>${agoText(since)}</span>`,
    inFlight ?? '–',
    restarts,
    lastExit ? html`<${Value} text=${clockedText(lastExit)} />` : '–',
  ];
  return { key: id, cells };
}

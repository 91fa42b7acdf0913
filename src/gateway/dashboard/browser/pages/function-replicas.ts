import type { FunctionName } from '../../../../provider/index.ts';
import type { FunctionRow } from '../../wire.ts';
import { api } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { Problem } from '../parts/problem.ts';
import { Value } from '../parts/value.ts';
import { html } from '../preact.js';
import { agoText, timeText } from '../texts.ts';

interface ReplicaLife {
  id: string;
  generation: string;
  state: 'starting' | 'ready' | 'unready' | 'stopping';
  address?: string;
  since?: string;
  restarts: number;
  lastExit?: string;
  inFlight?: number;
  reason?: string;
}

/** Each replica: its address, since when, and what it went through. */
export function Replicas({ fn, row }: { fn: FunctionName; row?: FunctionRow }) {
  const path = `/system/function/${fn.name}/replicas?namespace=${fn.namespace}`;
  const ask = (signal: AbortSignal) => api.json<ReplicaLife[]>(path, { signal });
  const { value, problem } = useLoaded(ask, [path, row?.state, row?.ready, row?.wanted], 5000);
  return html`<section class="card" aria-labelledby="replicas">
    <h2 id="replicas">Replicas</h2>
    <${Problem} text=${problem} />
    ${value && (value.length === 0 ? html`<p class="hint">There is none: a call brings the first.</p>` : html`<${Table} replicas=${value} />`)}
  </section>`;
}

function Table({ replicas }: { replicas: ReplicaLife[] }) {
  return html`<div class="wide" tabindex="0" role="region" aria-label="Table of replicas">
    <table>
      <thead>
        <tr>
          <th>Replica</th>
          <th>State</th>
          <th>Address</th>
          <th>Since</th>
          <th>Calls</th>
          <th>Restarts</th>
          <th>Last exit</th>
        </tr>
      </thead>
      <tbody>
        ${replicas.map(
          ({ id, state, address, since, inFlight, restarts, lastExit, reason, generation }) =>
            html`<tr key=${id}>
              <th scope="row" class="mono" title=${`generation ${generation}`}>${id}</th>
              <td class=${`replica-${state}`}>${state}${reason && html`: <${Value} text=${reason} />`}</td>
              <td class="mono">${address ?? '–'}</td>
              <td title=${timeText(since)}>${agoText(since)}</td>
              <td>${inFlight ?? '–'}</td>
              <td>${restarts}</td>
              <td>${lastExit ? html`<${Value} text=${lastExit} />` : '–'}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

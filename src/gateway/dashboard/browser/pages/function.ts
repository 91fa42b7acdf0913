import type { FunctionName, FunctionStatus } from '../../../../provider/index.ts';
import type { FunctionRow } from '../../wire.ts';
import { api } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { gatewayUrl } from '../gateway-url.ts';
import { useLive } from '../live.ts';
import { Command } from '../parts/command.ts';
import { Problem } from '../parts/problem.ts';
import { Value } from '../parts/value.ts';
import { html } from '../preact.js';
import { clockedText, timeText } from '../texts.ts';
import { Actions } from './function-actions.ts';
import { Declared } from './function-declared.ts';
import { Graphs } from './function-graphs.ts';
import { Invoke } from './function-invoke.ts';
import { Logs } from './function-logs.ts';
import { Replicas } from './function-replicas.ts';

/** All about one function. */
export function FunctionPage(fn: FunctionName) {
  const { namespace, name } = fn;
  const live = useLive();
  const row = live.row(namespace, name);
  const path = `/system/function/${encodeURIComponent(name)}?namespace=${encodeURIComponent(namespace)}`;
  const ask = (signal: AbortSignal) => api.json<FunctionStatus>(path, { signal });
  const changing = [row?.state, row?.wanted, row?.ready, row?.image, row?.reason];
  const { value: status, problem, again } = useLoaded(ask, [path, ...changing]);
  return html`<h1>
      <${Value} text=${name} /> <span class="faint">in <${Value} text=${namespace} /></span>
    </h1>
    <${Problem} text=${problem} />
    ${
      status &&
      html`<section class="card" aria-label="State">
          <${State} status=${status} row=${row} />
          <${Actions} fn=${fn} status=${status} row=${row} onDone=${again} />
        </section>
        <${Invoke} fn=${fn} row=${row} />
        ${live.can('logs') && html`<${Logs} ...${fn} />`}
        <${Graphs} ...${fn} />
        ${live.can('replicas') && html`<${Replicas} fn=${fn} row=${row} />`}
        <${Declared} status=${status} />`
    }`;
}

/** How it is, and what a person should know of it. */
function State({ status, row }: { status: FunctionStatus; row?: FunctionRow }) {
  const { berth = {}, availableReplicas, replicas } = status;
  const { reason, failedUpdate, warnings = [], file, lastExit, nextRuns } = berth;
  const ready = row?.ready ?? availableReplicas;
  const wanted = row?.wanted ?? replicas;
  const state = row?.state ?? (wanted === 0 ? 'asleep' : ready > 0 ? 'ready' : 'starting');
  const why = row?.reason ?? reason;
  return html`<p class="state-line">
      <strong class=${`state ${state}`}>${state}</strong>
      <span>${wanted + ready > 0 ? `${ready} of ${wanted} replicas ready` : 'no replica'}</span>
      <span>${row?.calls ?? status.invocationCount ?? 0} calls so far</span>
    </p>
    <${Command} text=${`${gatewayUrl()}/function/${status.name}.${status.namespace}`} />
    ${why && html`<p class=${state === 'failing' ? 'problem' : 'warning'}><${Value} text=${clockedText(why)} /></p>`}
    ${failedUpdate && html`<p class="warning"><${Value} text=${updateText(failedUpdate)} /></p>`}
    ${warnings.map((text) => html`<p class="warning"><${Value} text=${text} /></p>`)}
    ${
      file &&
      html`<p class="hint">
        It comes from the file <code><${Value} text=${file} /></code>. Change or delete it there: as long as that file
        keeps it, berth refuses both here.
      </p>`
    }
    ${lastExit && html`<p class="hint">Last exit: <${Value} text=${clockedText(lastExit)} /></p>`}
    ${nextRuns && nextRuns.length > 0 && html`<p class="hint">Next run: ${timeText(nextRuns[0])}</p>`}`;
}

function updateText(failed: string): string {
  const text = clockedText(failed);
  return `The last update ${text.startsWith('rolled back') ? 'was' : 'failed:'} ${text}`;
}

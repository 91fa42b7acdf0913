import type { AsyncList } from '../../../async/async-routes.ts';
import type { CallView } from '../../../async/call-view.ts';
import type { ScheduleView } from '../../../async/schedules.ts';
import { api } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { gatewayUrl } from '../gateway-url.ts';
import { CallLife } from '../parts/call-life.ts';
import { Command } from '../parts/command.ts';
import { FunctionLink } from '../parts/function-link.ts';
import { Problem } from '../parts/problem.ts';
import { ReplayAll } from '../parts/replay-all.ts';
import { Table } from '../parts/table.ts';
import { html, useState } from '../preact.js';
import { linkTo } from '../router.ts';
import { shownText } from '../shown-text.ts';
import { agoText, timeText } from '../texts.ts';

const [everyMs, schedulesMs, least, most] = [2000, 30_000, 50, 1000];
const states = ['queued', 'running', 'done', 'failed', 'cancelled', 'dead'] as const;

/** Asynchronous calls: all of them, or the one of an id. */
export function AsyncPage({ id }: { id?: string }) {
  return id === undefined ? html`<${AllCalls} />` : html`<${CallLife} key=${id} id=${id} />`;
}

function AllCalls() {
  const [asked, setAsked] = useState({ function: '', state: '', limit: least });
  const query = Object.entries(asked).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const path = `/system/async?${query.join('&')}`;
  const { value, problem, again } = useLoaded((signal) => api.json<AsyncList>(path, { signal }), [path], everyMs);
  const { functions = [], calls = [] } = value ?? {};
  const names = new Set([...functions.map(({ name, namespace }) => `${name}.${namespace}`), asked.function]);
  const select = (label: string, key: 'function' | 'state', values: readonly string[]) =>
    html`<label>
      ${label}
      <select
        value=${asked[key]}
        onChange=${(event: Event) => setAsked({ ...asked, [key]: (event.target as HTMLSelectElement).value })}
      >
        <option value="">all</option>
        ${values.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
      </select>
    </label>`;
  const isEmpty = value && calls.length + functions.length === 0 && asked.function + asked.state === '';
  return html`<h1>Asynchronous calls</h1>
    <${Problem} text=${problem} />
    ${isEmpty && html`<${NoCalls} />`}
    ${
      value &&
      !isEmpty &&
      html`<section class="card">
          <h2>By function</h2>
          <${Table}
            heads=${['Function', ...states, 'Replay']}
            rows=${functions.map((of) => ({
              key: `${of.name}.${of.namespace}`,
              cells: [
                html`<${FunctionLink} ...${of} />`,
                ...states.map((state) => of[state]),
                of.dead > 0 && html`<${ReplayAll} of=${of} onReplayed=${again} />`,
              ],
            }))}
          />
        </section>
        <section class="card">
          <h2>Calls, newest first</h2>
          <div class="fields">
            ${select('Function', 'function', [...names].filter(Boolean))}${select('State', 'state', states)}
          </div>
          <${Table}
            heads=${['Call', 'Function', 'State', 'Attempts', 'Last answer', 'Queued']}
            rows=${calls.map(callRow)}
          />
          ${calls.length === 0 && html`<p>No such call.</p>`}
          ${
            calls.length === asked.limit &&
            asked.limit < most &&
            html`<button onClick=${() => setAsked({ ...asked, limit: Math.min(most, 4 * asked.limit) })}>
              Show more
            </button>`
          }
        </section>`
    }
    <${Schedules} />`;
}

function NoCalls() {
  return html`<section class="card">
    <p>
      There is none. A call to /async-function/NAME is answered at once, made later, and tried again where it fails:
    </p>
    <${Command} text=${`curl -d hello ${gatewayUrl()}/async-function/NAME`} />
  </section>`;
}

function callRow(call: CallView) {
  const { id, kind, function: name, namespace, state, dead, attempts, lastStatus, lastError, queuedAt } = call;
  const cells = [
    html`<a class="mono" href=${linkTo('async', id)}>${id}</a>`,
    html`<${FunctionLink} name=${name} namespace=${namespace} />${kind === 'callback' && ' (its callback)'}`,
    dead || state === 'failed' ? html`<span class="bad">${dead ? 'dead' : state}</span>` : state,
    attempts,
    lastStatus ?? shownText(lastError ?? '–'),
    agoText(queuedAt),
  ];
  return { key: id, cells };
}

function Schedules() {
  const ask = (signal: AbortSignal) => api.json<ScheduleView[]>('/system/schedules', { signal });
  const { value = [], problem } = useLoaded(ask, [], schedulesMs);
  const rows = value.map(({ name, namespace, schedules, nextRuns, lastCall }) => ({
    key: `${name}.${namespace}`,
    cells: [
      html`<${FunctionLink} name=${name} namespace=${namespace} />`,
      html`<span class="mono">${schedules.join('; ').replaceAll('CRON_TZ=Local ', '')}</span>`,
      nextRuns.map((at) => html`<div key=${at}>${timeText(at)}</div>`),
      lastCall ? html`<a class="mono" href=${linkTo('async', lastCall)}>${lastCall}</a>` : '–',
    ],
  }));
  return html`<section class="card">
    <h2>Schedules</h2>
    <${Problem} text=${problem} />
    ${
      rows.length > 0
        ? html`<${Table} heads=${['Function', 'Schedule', 'Next times', 'Last call']} rows=${rows} />`
        : html`<p>No function has one. <a href="#/deploy">Deploy</a> one with a schedule, such as @hourly.</p>`
    }
  </section>`;
}

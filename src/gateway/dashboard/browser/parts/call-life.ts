import type { CallView } from '../../../async/call-view.ts';
import { api } from '../api.ts';
import { useAction, useLoaded } from '../asking.ts';
import { html } from '../preact.js';
import { linkTo } from '../router.ts';
import { shownText } from '../shown-text.ts';
import { shellWord, timeText } from '../texts.ts';
import { Command } from './command.ts';
import { FunctionLink } from './function-link.ts';
import { Problem } from './problem.ts';
import { Value } from './value.ts';

const everyMs = 1000;

/** What became of one asynchronous call, as it becomes, and what can be done about it. */
export function CallLife({ id }: { id: string }) {
  const path = encodeURIComponent(id);
  const ask = (signal: AbortSignal) => api.json<CallView>(`/async-function/${path}`, { signal });
  const { value: call, problem, again } = useLoaded(ask, [id], everyMs);
  const { isActing, problem: refused, act } = useAction();
  const button = (title: string, method: string, where: string) =>
    html`<button aria-disabled=${isActing} onClick=${() => void act(() => api.json(where, { method })).then(again)}>
      ${title}
    </button>`;
  const isOpen = call?.state === 'queued' || call?.state === 'running';
  const verb = isOpen ? 'cancel' : call?.dead ? 'replay' : 'show';
  return html`<p><a href="#/async">All calls</a></p>
    <h1>Call <bdi class="mono">${shownText(id)}</bdi></h1>
    <${Problem} text=${problem} />
    ${
      call &&
      html`<section class="card">
        <p role="status">${stateText(call)}</p>
        <${Life} call=${call} />
        <${Problem} text=${refused} />
        <div class="buttons">
          ${isOpen && button(call.state === 'running' ? 'End it' : 'Drop it', 'DELETE', `/async-function/${path}`)}
          ${call.dead && button('Replay', 'POST', `/system/async/${path}/replay`)}
        </div>
        <h2>The same on the host</h2>
        <${Command} text=${`sudo berth async ${verb} ${shellWord(id)}`} />
      </section>`
    }
    ${call?.result && html`<${Answer} result=${call.result} />`}`;
}

function stateText({ state, dead, attempts, kind }: CallView): string {
  const what = kind === 'callback' ? 'This posting of an answer' : 'This call';
  if (state === 'queued') return `${what} waits for its ${attempts > 0 ? 'next attempt' : 'turn'}.`;
  if (state === 'running') return `${what} is being made: attempt ${attempts}.`;
  if (dead) return `${what} failed for good. It is kept with its body, to be replayed.`;
  return `${what} ${state === 'failed' ? 'failed for good' : `is ${state}`}.`;
}

/** From its begin to its end. */
function Life({ call }: { call: CallView }) {
  const { lastBeganAt, lastEndedAt, lastStatus, lastError, state, endedAt, parent, callbackUrl } = call;
  const line = (title: string, value: unknown) =>
    value &&
    html`<dt>${title}</dt>
      <dd>${value}</dd>`;
  return html`<dl class="facts">
    ${line('Function', html`<${FunctionLink} name=${call.function} namespace=${call.namespace} />`)}
    ${line('Path', call.path && html`<${Value} text=${call.path} />`)}
    ${line('Comes from', parent && html`<a class="mono" href=${linkTo('async', parent)}>${parent}</a>`)}
    ${line('Queued', timeText(call.queuedAt))} ${line('Attempts', String(call.attempts))}
    ${line('Last attempt', lastBeganAt && `${timeText(lastBeganAt)} to ${timeText(lastEndedAt)}`)}
    ${line('Its answer', shownText([lastStatus && `status ${lastStatus}`, lastError].filter(Boolean).join(', ')))}
    ${line('Next attempt', state === 'queued' && timeText(call.dueAt))} ${line('Ended', endedAt && timeText(endedAt))}
    ${line('Answer goes to', callbackUrl && html`<${Value} text=${callbackUrl} />`)}
  </dl>`;
}

function Answer({ result }: { result: NonNullable<CallView['result']> }) {
  return html`<section class="card">
    <h2>Answer <span class="faint">${result.contentType}</span></h2>
    <pre tabindex="0">${'text' in result ? shownText(result.text) : `in base64: ${result.base64}`}</pre>
  </section>`;
}

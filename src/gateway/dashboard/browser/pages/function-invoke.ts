import type { FunctionName } from '../../../../provider/index.ts';
import type { FunctionRow } from '../../wire.ts';
import { api } from '../api.ts';
import { useAction } from '../asking.ts';
import { invokeLines } from '../command-lines.ts';
import { readAnswer, type InvokeAnswer } from '../invoke-answer.ts';
import { callPath, hasBody, headersIn, pathOf, type InvokeRequest } from '../invoke-request.ts';
import { useLive } from '../live.ts';
import { Problem } from '../parts/problem.ts';
import { Terminal } from '../parts/terminal.ts';
import { html, useEffect, useRef, useState } from '../preact.js';
import { Answer } from './function-answer.ts';

const methods = ['POST', 'GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** Calls the function as the form says, and shows what it answers. */
export function Invoke({ fn, row }: { fn: FunctionName; row?: FunctionRow }) {
  const [asked, setAsked] = useState<InvokeRequest | undefined>(undefined);
  const [answer, setAnswer] = useState<InvokeAnswer | undefined>(undefined);
  const [note, setNote] = useState('');
  const { isActing, problem, act } = useAction();
  const leaving = useRef<AbortController>(null);
  useEffect(() => () => leaving.current?.abort(), []);
  const isAsleep = row?.state === 'asleep';
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setAnswer(undefined);
    void act(async () => {
      const { request, body } = requestIn(form);
      setAsked(request);
      setNote(isAsleep && !request.isAsync ? `${fn.name} was asleep: this call wakes it.` : '');
      leaving.current = new AbortController();
      const init = { method: request.method, headers: request.headers, body, signal: leaving.current.signal };
      const beganMs = performance.now();
      const reply = await api.call(callPath(fn, request), init);
      setAnswer(await readAnswer(reply, beganMs, setAnswer));
    });
  };
  return html`<section class="card" aria-labelledby="invoke">
    <h2 id="invoke">Call it</h2>
    <form onSubmit=${submit}>
      <${Fields} />
      <div class="buttons">
        <button class="primary" aria-disabled=${isActing}>${isActing ? 'Waiting …' : 'Call'}</button>
        ${isActing && html`<button type="button" onClick=${() => leaving.current?.abort()}>Give up</button>`}
      </div>
      ${isAsleep && html`<p class="hint">${fn.name} is asleep: a call wakes it, and waits until it has started.</p>`}
    </form>
    <div role="status">${note && html`<p class="warning">${note}</p>`}</div>
    <${Problem} text=${problem} />
    ${answer && asked && html`<${Answer} answer=${answer} isAsync=${asked.isAsync} name=${fn.name} />`}
    ${asked && html`<${Terminal} lines=${invokeLines(fn, asked)} isOpen />`}
  </section>`;
}

function Fields() {
  const live = useLive();
  const [method, setMethod] = useState('POST');
  const choose = (event: Event) => setMethod((event.currentTarget as HTMLSelectElement).value);
  return html`<div class="address">
      <label>
        Method
        <select name="method" onChange=${choose}>
          ${methods.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
        </select>
      </label>
      <label>Path and query <input name="path" defaultValue="/" spellcheck=${false} /></label>
    </div>
    <div class="halves">
      <label>
        Headers, one a line
        <textarea name="headers" rows="3" placeholder="Content-Type: application/json" spellcheck=${false}></textarea>
      </label>
      ${
        hasBody(method) &&
        html`<label>Body <textarea name="body" rows="3" spellcheck=${false}></textarea></label>
          <label>or a file as the body <input name="file" type="file" /></label>`
      }
    </div>
    ${
      live.can('asyncCalls') &&
      html`<label
        ><input name="async" type="checkbox" /> Asynchronously: berth keeps the call, and answers at once</label
      >`
    }`;
}

/** Returns what the form says, and the body that is sent. */
function requestIn(form: FormData): { request: InvokeRequest; body?: BodyInit } {
  const text = (name: string) => (form.get(name) ?? '') as string;
  const method = text('method');
  const headers = headersIn(text('headers'));
  const request: InvokeRequest = { method, path: pathOf(text('path')), headers, isAsync: form.has('async') };
  if (!hasBody(method)) return { request };
  const file = form.get('file');
  const isFile = file instanceof File && file.name !== '';
  if (!headers.some(([name]) => name.toLowerCase() === 'content-type'))
    headers.push(['Content-Type', isFile ? file.type || 'application/octet-stream' : 'text/plain']);
  if (isFile) return { request: { ...request, file: file.name }, body: file };
  const body = text('body');
  return { request: { ...request, body }, body };
}

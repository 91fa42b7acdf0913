import { textOf, type InvokeAnswer } from '../invoke-answer.ts';
import { offer } from '../parts/download.ts';
import { Value, Values } from '../parts/value.ts';
import { html } from '../preact.js';
import { linkTo } from '../router.ts';
import { shownText, withoutEscapes } from '../shown-text.ts';
import { bytesText, msText } from '../texts.ts';

/** Characters of an answer that are shown. */
const mostShown = 50_000;

export interface AnswerOptions {
  answer: InvokeAnswer;
  isAsync: boolean;
  name: string;
}

/** What a function answered; its body is shown as the text that it is, or offered as a file. */
export function Answer({ answer, isAsync, name }: AnswerOptions) {
  const { status, headers, headersMs, totalMs, size, isCut } = answer;
  const id = headers.find(([header]) => header === 'x-call-id')?.[1];
  const location = status >= 300 && status < 400 && headers.find(([header]) => header === 'location')?.[1];
  return html`<h3>Answer</h3>
    <p class="state-line" role="status">
      <strong class=${status < 400 ? 'state-ready' : 'state-failing'}>${status}</strong>
      <span>${totalMs === undefined ? `first byte after ${msText(headersMs)}, more is coming` : msText(totalMs)}</span>
      <span>${bytesText(size)}</span>
      ${isAsync && status === 202 && id !== undefined && html`<a href=${linkTo('async', id)}>What becomes of it</a>`}
    </p>
    ${location && html`<p>It redirects to <${Value} text=${location} />, where nobody has gone.</p>`}
    ${isCut && html`<p class="warning">The answer is longer: its begin is here. The line for curl reads it all.</p>`}
    <${Body} answer=${answer} name=${name} />
    <details>
      <summary>Headers (${headers.length})</summary>
      <${Values} title="Headers of the answer" values=${Object.fromEntries(headers)} />
      <p class="hint">Cookies and what it says of caching are kept from this page: the line for curl shows them.</p>
    </details>`;
}

function Body({ answer, name }: { answer: InvokeAnswer; name: string }) {
  if (answer.size === 0) return html`<p class="hint">The body is empty.</p>`;
  const content = new Blob(answer.bytes as BlobPart[]);
  const text = textOf(joined(answer));
  const isLong = text === undefined || text.length > mostShown;
  return html`${
      text === undefined
        ? html`<p>This is no text: ${bytesText(answer.size)}.</p>`
        : html`<pre class="answer" tabindex="0" aria-label="Body of the answer">
${shownText(withoutEscapes(text.slice(0, mostShown)))}</pre>`
    }
    ${isLong && text !== undefined && html`<p class="hint">${text.length - mostShown} characters more are in the file.</p>`}
    <button type="button" onClick=${() => offer(content, `${name}-answer`)}>Save as a file</button>`;
}

function joined({ bytes, size }: InvokeAnswer): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of bytes) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

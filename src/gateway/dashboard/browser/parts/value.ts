import { html } from '../preact.js';
import { shownText } from '../shown-text.ts';

const mostShown = 240;

/** Text that somebody else wrote: nothing in it is unseen, and the end of a long one is shown when it is asked for. */
export function Value({ text }: { text: string }) {
  const shown = shownText(text);
  if (shown.length <= mostShown) return html`<bdi class="value">${shown}</bdi>`;
  return html`<details class="value">
    <summary><bdi>${shown.slice(0, 80)}…</bdi> (${text.length} characters)</summary>
    <bdi>${shown}</bdi>
  </details>`;
}

/** Names and what each is, where there are any. */
export function Values({ title, values }: { title: string; values?: Record<string, string> }) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return null;
  return html`<h3>${title}</h3>
    <dl class="values">
      ${entries.map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt><${Value} text=${name} /></dt>
            <dd><${Value} text=${value} /></dd>
          </div>`,
      )}
    </dl>`;
}

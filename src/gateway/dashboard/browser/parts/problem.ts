import { html } from '../preact.js';
import { shownText } from '../shown-text.ts';

/** Says what went wrong, to a screen reader at once. */
export function Problem({ text }: { text: string }) {
  return text ? html`<p class="problem" role="alert">${shownText(text)}</p>` : null;
}

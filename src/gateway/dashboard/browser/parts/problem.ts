import { html } from '../preact.js';

/** Says what went wrong, to a screen reader at once. */
export function Problem({ text }: { text: string }) {
  return text ? html`<p class="problem" role="alert">${text}</p>` : null;
}

import { html } from '../preact.js';

export function AsyncPage({ id }: { id?: string }) {
  return html`<h1>Async ${id}</h1>`;
}

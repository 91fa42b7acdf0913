import { html } from '../preact.js';

export function FunctionPage({ namespace, name }: { namespace: string; name: string }) {
  return html`<h1>${name}.${namespace}</h1>`;
}

import { html } from '../preact.js';

export function SecretsPage() {
  return html`<h1>Secrets</h1>`;
}

import { html } from '../preact.js';

export function DeployPage() {
  return html`<h1>Deploy</h1>`;
}

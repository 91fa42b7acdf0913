import { html } from '../preact.js';

export function OverviewPage() {
  return html`<h1>Overview</h1>`;
}

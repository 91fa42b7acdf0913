import { html } from '../preact.js';

export function EventsPage() {
  return html`<h1>Events</h1>`;
}

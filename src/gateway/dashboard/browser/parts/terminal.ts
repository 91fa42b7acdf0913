import { html } from '../preact.js';
import { Command } from './command.ts';

/** What the page does, or has done, as lines for a terminal. */
export function Terminal({ lines, isOpen = false }: { lines: string[]; isOpen?: boolean }) {
  return html`<details class="terminal" open=${isOpen}>
    <summary>The same in a terminal</summary>
    <p class="hint">Say once where berth is: <code>export OPENFAAS_URL=${gatewayUrl()}</code></p>
    ${lines.map((text) => html`<${Command} key=${text} text=${text} />`)}
  </details>`;
}

/** As well as this page can know: it is served on a port of its own. */
function gatewayUrl(): string {
  return `${location.protocol}//${location.hostname}:8080`;
}

import { gatewayUrl } from '../gateway-url.ts';
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

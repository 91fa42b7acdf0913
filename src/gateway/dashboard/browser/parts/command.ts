import { html, useState } from '../preact.js';

/** A command for a terminal, with a button that copies it. */
export function Command({ text }: { text: string }) {
  const [said, setSaid] = useState('Copy');
  const copy = () => {
    copyText(text)
      .then(() => setSaid('Copied'))
      .catch(() => setSaid('Select it, and copy by hand'));
    setTimeout(() => setSaid('Copy'), 2000);
  };
  return html`<div class="command">
    <code>${text}</code>
    <button type="button" class="quiet" aria-label=${`Copy ${text}`} onClick=${copy}>${said}</button>
  </div>`;
}

/** The clipboard is there over HTTPS and at localhost only; a selection can be copied anywhere. */
async function copyText(text: string): Promise<void> {
  if (isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.setAttribute('readonly', '');
  area.className = 'off-screen';
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (!isCopied) throw new Error('not copied');
}

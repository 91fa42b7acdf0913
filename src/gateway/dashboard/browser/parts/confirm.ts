import { html, useEffect, useRef } from '../preact.js';

export interface ConfirmOptions {
  title: string;
  /** What will happen, in a sentence. */
  text: string;
  /** The word on the button that does it. */
  act: string;
  isDangerous?: boolean;
  onYes: () => void;
  onNo: () => void;
}

/** Asks before something is done. Escape, and the first button, mean no. The focus goes back to where it was. */
export function Confirm({ title, text, act, isDangerous = false, onYes, onNo }: ConfirmOptions) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => (before as HTMLElement | null)?.focus();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="confirm-title" onClose=${onNo}>
    <h2 id="confirm-title">${title}</h2>
    <p>${text}</p>
    <div class="buttons">
      <button type="button" autofocus onClick=${onNo}>Cancel</button>
      <button type="button" class=${isDangerous ? 'danger' : 'primary'} onClick=${onYes}>${act}</button>
    </div>
  </dialog>`;
}

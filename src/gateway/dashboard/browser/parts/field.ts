import { html } from '../preact.js';
import { Problem } from './problem.ts';

export interface FieldOptions {
  label: string;
  /** Part of its id: one of a kind on the page. */
  name: string;
  value: string;
  onValue: (value: string) => void;
  help?: string;
  /** All that it can be. */
  values?: string[];
  /** What berth has said of it. */
  problem?: string;
  required?: boolean;
  readOnly?: boolean;
  placeholder?: string;
}

/** One field of a form, with its help and what is wrong with it. */
export function Field({ label, name, value, onValue, help, values, problem = '', ...others }: FieldOptions) {
  const id = `field-${name}`;
  const onInput = (event: Event) => onValue((event.target as HTMLInputElement).value);
  const said = { id, 'aria-describedby': `${id}-help`, 'aria-invalid': problem === '' ? undefined : 'true' };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${
      values
        ? html`<select ...${said} value=${value} onChange=${onInput} disabled=${others.readOnly}>
            ${!values.includes(value) && html`<option value=${value}>${value || '–'}</option>`}
            ${values.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
            ${values.includes(value) && !others.required && html`<option value="">–</option>`}
          </select>`
        : html`<input
            ...${said}
            ...${others}
            value=${value}
            onInput=${onInput}
            autocapitalize="none"
            spellcheck=${false}
          />`
    }
    <div id=${`${id}-help`} class="hint">${help}<${Problem} text=${problem} /></div>
  </div>`;
}

import { html } from '../preact.js';

export interface TableOptions {
  heads: string[];
  rows: { key: string; cells: unknown[] }[];
}

/** A table whose rows are cards on narrow screens. */
export function Table({ heads, rows }: TableOptions) {
  return html`<table class="list">
    <thead>
      <tr>
        ${heads.map((head) => html`<th key=${head}>${head}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ({ key, cells }) =>
          html`<tr key=${key}>
            ${cells.map((cell, at) => html`<td key=${at} data-label=${at > 0 ? heads[at] : undefined}>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

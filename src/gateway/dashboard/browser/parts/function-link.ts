import { html } from '../preact.js';
import { linkTo } from '../router.ts';

/** A function's name, which leads to its page, and its namespace. */
export function FunctionLink({ name, namespace }: { name: string; namespace: string }) {
  return html`<a href=${linkTo('function', namespace, name)}>${name}</a> <span class="faint">${namespace}</span>`;
}

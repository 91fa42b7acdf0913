import type { VNode } from 'preact';
import { useAction } from '../asking.ts';
import { html, useEffect, useRef } from '../preact.js';
import { Problem } from './problem.ts';

export interface ActionFormOptions {
  title: unknown;
  /** The word on the button. */
  verb: string;
  work: () => Promise<unknown>;
  onCancel: () => void;
  children?: VNode[];
}

/** A form that does one thing: its fields, what went wrong, and its buttons. */
export function ActionForm({ title, verb, work, onCancel, children }: ActionFormOptions) {
  const { isActing, problem, act } = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void act(work);
  };
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>('input, textarea')?.focus(), []);
  return html`<form ref=${form} onSubmit=${submit}>
    <h3>${title}</h3>
    ${children}
    <${Problem} text=${problem} />
    <div class="buttons">
      <button class="primary" aria-disabled=${isActing}>${verb}</button>
      <button type="button" onClick=${onCancel}>Cancel</button>
    </div>
  </form>`;
}

import type { Pair } from '../deployment-draft.ts';
import { html, useEffect, useRef } from '../preact.js';
import { Problem } from './problem.ts';

export interface PairsOptions {
  title: string;
  /** What one of them is, such as `variable`. */
  one: string;
  pairs: Pair[];
  onPairs: (pairs: Pair[]) => void;
  problem?: string;
}

/** Names with values, any number of them. */
export function Pairs({ title, one, pairs, onPairs, problem = '' }: PairsOptions) {
  const fields = useRef<HTMLFieldSetElement>(null);
  const isAdded = useRef(false);
  useEffect(() => {
    if (isAdded.current) [...(fields.current?.querySelectorAll('input') ?? [])].at(-1)?.focus();
    isAdded.current = false;
  }, [pairs.length]);
  const add = () => {
    isAdded.current = true;
    onPairs([...pairs, { key: '', value: '' }]);
  };
  const change = (at: number, part: Partial<Pair>) =>
    onPairs(pairs.map((pair, index) => (index === at ? { ...pair, ...part } : pair)));
  return html`<fieldset class="pairs" ref=${fields}>
    <legend>${title}</legend>
    ${pairs.map(
      ({ key, value }, at) =>
        html`<div class="pair">
          <input
            aria-label=${`Name of ${one} ${at + 1}`}
            placeholder="Name"
            value=${key}
            onInput=${(event: InputEvent) => change(at, { key: textOf(event) })}
            autocapitalize="none"
            spellcheck=${false}
          />
          <textarea
            aria-label=${`Value of ${one} ${key || at + 1}`}
            placeholder="Value"
            rows=${Math.min(8, value.split('\n').length)}
            value=${value}
            onInput=${(event: InputEvent) => change(at, { value: textOf(event) })}
            spellcheck=${false}
          />
          <button
            type="button"
            class="quiet"
            aria-label=${`Remove ${one} ${key || at + 1}`}
            onClick=${() => onPairs(pairs.filter((_, index) => index !== at))}
          >
            Remove
          </button>
        </div>`,
    )}
    <button type="button" onClick=${add}>Add ${one}</button>
    <${Problem} text=${problem} />
  </fieldset>`;
}

function textOf(event: Event): string {
  return (event.target as HTMLTextAreaElement).value;
}

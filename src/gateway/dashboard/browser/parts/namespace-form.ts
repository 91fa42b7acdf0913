import { api } from '../api.ts';
import type { Pair } from '../deployment-draft.ts';
import { html, useState } from '../preact.js';
import { ActionForm } from './action-form.ts';
import { Field } from './field.ts';
import { Pairs } from './pairs.ts';

/** Makes a namespace. */
export function NamespaceForm({ onMade, onCancel }: { onMade: () => void; onCancel: () => void }) {
  const [name, setName] = useState('');
  const [pairs, setPairs] = useState<Pair[]>([]);
  const create = async () => {
    const labels = Object.fromEntries(pairs.filter(({ key }) => key).map(({ key, value }) => [key, value]));
    await api.json('/system/namespace/', { method: 'POST', body: { name: name.trim(), labels } });
    onMade();
  };
  return html`<section class="card">
    <${ActionForm} title="New namespace" verb="Create" work=${create} onCancel=${onCancel}>
      <${Field}
        name="namespace"
        label="Name"
        help="What is in one does not see the secrets of another."
        required=${true}
        value=${name}
        onValue=${setName}
      />
      <${Pairs} title="Labels" one="label" pairs=${pairs} onPairs=${setPairs} />
    <//>
  </section>`;
}

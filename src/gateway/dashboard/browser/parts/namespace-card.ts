import type { FunctionStatus, Namespace, SecretName } from '../../../../provider/index.ts';
import { api } from '../api.ts';
import { useAction, useLoaded } from '../asking.ts';
import { live } from '../live.ts';
import { html, useState } from '../preact.js';
import { usersOf } from '../secret-users.ts';
import { shownText } from '../shown-text.ts';
import { Confirm } from './confirm.ts';
import { FunctionLink } from './function-link.ts';
import { Problem } from './problem.ts';
import { SecretForm } from './secret-form.ts';
import { Table } from './table.ts';

/** What is asked before it is deleted. */
interface Question {
  title: string;
  text: string;
  path: string;
  body: object;
  onDone: () => void;
}

/** The secrets of a namespace. Without a name it is the only one that there is. */
export function NamespaceCard({ namespace, onGone }: { namespace: string; onGone: () => void }) {
  const { value: found, problem: unread, again } = useLoaded((signal) => contentsOf(namespace, signal), [namespace]);
  /** The secret that is written, empty for a new one. */
  const [written, setWritten] = useState<string | undefined>(undefined);
  const [question, setQuestion] = useState<Question | undefined>(undefined);
  const { problem, act } = useAction();
  const deleteIt = ({ path, body, onDone }: Question) => {
    setQuestion(undefined);
    void act(() => api.json(path, { method: 'DELETE', body }).then(onDone));
  };
  const askSecret = (name: string, text: string) =>
    setQuestion({
      title: `Delete secret ${name}`,
      text,
      path: '/system/secrets',
      body: { name, namespace },
      onDone: again,
    });
  const askNamespace = () =>
    setQuestion({
      title: `Delete namespace ${namespace}`,
      text: 'It must be empty: delete its functions and secrets first.',
      path: `/system/namespace/${namespace}`,
      body: {},
      onDone: onGone,
    });
  const close = () => setWritten(undefined);
  const done = () => {
    close();
    again();
  };
  return html`<section class="card">
    <h2>${namespace ? html`Namespace <bdi>${namespace}</bdi>` : 'All'}</h2>
    <p class="hint">${shownText(found?.labels ?? '')}</p>
    <${Problem} text=${problem || unread} />
    ${found && html`<${Secrets} ...${found} onUpdate=${setWritten} onDelete=${askSecret} />`}
    ${
      written !== undefined &&
      html`<${SecretForm} key=${written} namespace=${namespace} known=${written} onDone=${done} onCancel=${close} />`
    }
    ${
      written === undefined &&
      html`<div class="buttons">
        <button onClick=${() => setWritten('')}>New secret</button>
        ${namespace && html`<button class="quiet" onClick=${askNamespace}>Delete namespace</button>`}
      </div>`
    }
    ${
      question &&
      html`<${Confirm}
        ...${question}
        act="Delete"
        isDangerous=${true}
        onYes=${() => deleteIt(question)}
        onNo=${() => setQuestion(undefined)}
      />`
    }
  </section>`;
}

interface SecretsOptions {
  secrets: string[];
  functions: FunctionStatus[];
  onUpdate: (name: string) => void;
  onDelete: (name: string, text: string) => void;
}

function Secrets({ secrets, functions, onUpdate, onDelete }: SecretsOptions) {
  if (secrets.length === 0) return html`<p>It has no secret yet.</p>`;
  const rows = secrets.map((name) => {
    const users = usersOf(name, functions);
    const text = deletionText(users.map((fn) => fn.name));
    const links = users.map((fn) => html`<div key=${fn.name}><${FunctionLink} ...${fn} /></div>`);
    const cells = [
      html`<bdi>${name}</bdi>`,
      users.length > 0 ? links : 'nobody',
      html`<div class="buttons">
        <button aria-label=${`Update ${name}`} onClick=${() => onUpdate(name)}>Update</button>
        <button class="quiet" aria-label=${`Delete ${name}`} onClick=${() => onDelete(name, text)}>Delete</button>
      </div>`,
    ];
    return { key: name, cells };
  });
  return html`<${Table} heads=${['Secret', 'Used by', 'Change']} rows=${rows} />`;
}

function deletionText(users: string[]): string {
  if (users.length === 0) return 'Its value is gone then. No function of this namespace names it.';
  return `Used by ${users.join(', ')}. berth deletes no secret that is in use: deploy without it first.`;
}

async function contentsOf(namespace: string, signal: AbortSignal) {
  const query = namespace && `?namespace=${namespace}`;
  const [secrets, functions, { labels }] = await Promise.all([
    api.json<SecretName[]>(`/system/secrets${query}`, { signal }),
    api.json<FunctionStatus[]>(`/system/functions${query}`, { signal }),
    live.can('namespaces') ? api.json<Namespace>(`/system/namespace/${namespace}`, { signal }) : { labels: {} },
  ]);
  const shown = Object.entries(labels)
    .filter(([key]) => key !== 'openfaas')
    .map(([key, value]) => `${key}=${value}`);
  return { secrets: secrets.map(({ name }) => name).sort(), functions, labels: shown.join(', ') };
}

import { api } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { useLive } from '../live.ts';
import { NamespaceCard } from '../parts/namespace-card.ts';
import { NamespaceForm } from '../parts/namespace-form.ts';
import { Problem } from '../parts/problem.ts';
import { html, useState } from '../preact.js';

/** The secrets of each namespace, and the namespaces. */
export function SecretsPage() {
  const live = useLive();
  const hasNamespaces = live.can('namespaces');
  const isKnown = live.host !== undefined;
  const ask = (signal: AbortSignal) =>
    hasNamespaces ? api.json<string[]>('/system/namespaces', { signal }) : Promise.resolve(isKnown ? [''] : undefined);
  const { value: namespaces, problem, again } = useLoaded(ask, [hasNamespaces, isKnown]);
  const [isNew, setNew] = useState(false);
  const made = () => {
    setNew(false);
    again();
  };
  return html`<h1>Secrets</h1>
    <p class="hint">A value is written here, and never shown. A function reads it at /var/openfaas/secrets/NAME.</p>
    <${Problem} text=${problem} />
    ${namespaces?.map(
      (namespace) => html`<${NamespaceCard} key=${namespace} namespace=${namespace} onGone=${again} />`,
    )}
    ${
      hasNamespaces &&
      (isNew
        ? html`<${NamespaceForm} onMade=${made} onCancel=${() => setNew(false)} />`
        : html`<button onClick=${() => setNew(true)}>New namespace</button>`)
    }`;
}

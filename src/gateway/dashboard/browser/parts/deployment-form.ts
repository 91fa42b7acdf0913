import type { FunctionDeployment } from '../../../../provider/index.ts';
import { api, RefusedError } from '../api.ts';
import { useAction, useLoaded } from '../asking.ts';
import { deploymentFrom, fieldOf, withImage, type Draft, type Pair } from '../deployment-draft.ts';
import { html, useEffect, useState } from '../preact.js';
import { linkTo } from '../router.ts';
import { Field, type FieldOptions } from './field.ts';
import { Pairs } from './pairs.ts';
import { Problem } from './problem.ts';
import { Pulling } from './pulling.ts';
import { SettingFields } from './setting-fields.ts';

export interface DeploymentFormOptions {
  draft: Draft;
  namespaces: string[];
  /** The function is there, and becomes what the form says. */
  isUpdate: boolean;
  onDeployed: (fn: FunctionDeployment, isReady: boolean) => void;
}

type TextField = { [K in keyof Draft]: Draft[K] extends string ? K : never }[keyof Draft];
type TextOf = (name: TextField, label: string, help?: string, others?: Partial<FieldOptions>) => unknown;

/** All that a deployment can say. */
export function DeploymentForm({ draft: first, namespaces, isUpdate, onDeployed }: DeploymentFormOptions) {
  const [draft, setDraft] = useState(first);
  const { isActing, failure, problem, act } = useAction();
  const field = fieldOf(problem);
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  useEffect(() => {
    if (problem) document.querySelector<HTMLElement>('[aria-invalid]')?.focus();
  }, [failure]);
  const submit = (event: Event) => {
    event.preventDefault();
    const fn = deploymentFrom(draft);
    void act(async () => onDeployed(fn, await deploy(fn, isUpdate)));
  };
  const of = (name: string) => (name === field ? problem : '');
  const text: TextOf = (name, label, help, others) =>
    html`<${Field}
      ...${{ name, label, help, value: draft[name], problem: of(name), ...others }}
      onValue=${(value: string) => (name === 'image' && !isUpdate ? setDraft(withImage(draft, value)) : set({ [name]: value }))}
    />`;
  const pairs = (name: 'env' | 'labels' | 'annotations', title: string, one: string) =>
    html`<${Pairs}
      ...${{ title, one, pairs: draft[name], problem: of(name) }}
      onPairs=${(changed: Pair[]) => set({ [name]: changed })}
    />`;
  const kept = { required: true, readOnly: isUpdate };
  return html`<form onSubmit=${submit}>
    <section class="card fields two">
      ${text('image', 'Image', 'Where its registry has it, such as ghcr.io/openfaas/nodeinfo:latest', { required: true })}
      ${text('name', 'Name', 'Lower-case letters, digits and dashes', kept)}
      ${text('namespace', 'Namespace', '', { ...kept, values: isUpdate ? undefined : namespaces })}
      ${text('process', 'Process', "What the watchdog starts for a call (fprocess), if not the image's own")}
    </section>
    <section class="card">
      ${pairs('env', 'Environment variables', 'variable')}
      <${SecretTicks} draft=${draft} problem=${of('secrets')} onSecrets=${(secrets: string[]) => set({ secrets })} />
    </section>
    ${resourceFields(text, draft, set)}
    <section class="card">
      <h2>Labels and annotations</h2>
      <${SettingFields}
        ...${{ settings: draft.settings, field, problem }}
        onSettings=${(settings: Draft['settings']) => set({ settings })}
      />
      ${pairs('labels', 'Other labels', 'label')} ${pairs('annotations', 'Other annotations', 'annotation')}
    </section>
    ${!field && html`<${Problem} text=${problem} />`}
    ${isThere(failure) && html`<p><a href=${linkTo('deploy', draft.namespace, draft.name)}>Change that function instead</a></p>`}
    <button class="primary" aria-disabled=${isActing}>${isUpdate ? 'Update' : 'Deploy'}</button>
    <div role="status">
      ${isActing && 'berth has the image pulled and starts it, and goes on with that if you leave.'}
      ${isActing && html`<${Pulling} image=${draft.image.trim()} namespace=${draft.namespace} />`}
    </div>
  </form>`;
}

function resourceFields(text: TextOf, { readOnly }: Draft, set: (part: Partial<Draft>) => void) {
  return html`<section class="card">
    <h2>Memory and CPU</h2>
    <div class="fields two">
      ${text('memoryLimit', 'Memory limit', 'Such as 128Mi; a replica that needs more is started again')}
      ${text('cpuLimit', 'CPU limit', 'Such as 500m for half a core')}
      ${text('memoryRequest', 'Memory request', 'What a replica usually takes: the room on the host is counted by it')}
      ${text('cpuRequest', 'CPU request')}
    </div>
    <label>
      <input type="checkbox" checked=${readOnly} onChange=${() => set({ readOnly: !readOnly })} />
      ${' '}Read-only root file system: it can write in /tmp and in volumes of its image
    </label>
  </section>`;
}

/** A function of this name is there, where a new one was wanted. */
function isThere(failure: unknown): boolean {
  return failure instanceof RefusedError && failure.status === 409 && failure.message.includes('exists');
}

/**
 * Deploys a function, and returns whether it is known to be ready.
 * @throws RefusedError with what berth has against it
 */
async function deploy(fn: FunctionDeployment, isUpdate: boolean): Promise<boolean> {
  const { name: service, ...rest } = fn;
  const reply = await api.fetch('/system/functions', {
    method: isUpdate ? 'PUT' : 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ service, ...rest }),
  });
  return reply.status === 200;
}

interface SecretTicksOptions {
  draft: Draft;
  problem: string;
  onSecrets: (names: string[]) => void;
}

/** The secrets of the namespace, to be ticked. */
function SecretTicks({ draft: { namespace, secrets }, problem, onSecrets }: SecretTicksOptions) {
  const query = new URLSearchParams({ namespace });
  const { value: known, ...loading } = useLoaded(
    (signal) => api.json<{ name: string }[]>(`/system/secrets?${query}`, { signal }),
    [namespace],
  );
  // One that is not there any more is shown as well, to be taken out.
  const names = [...new Set([...(known ?? []).map(({ name }) => name), ...secrets])];
  const toggle = (name: string) =>
    onSecrets(secrets.includes(name) ? secrets.filter((each) => each !== name) : [...secrets, name]);
  return html`<fieldset>
    <legend>Secrets</legend>
    <div class="ticks">
      ${names.map(
        (name) =>
          html`<label key=${name}>
            <input type="checkbox" checked=${secrets.includes(name)} onChange=${() => toggle(name)} />${' '}<bdi
              >${name}</bdi
            >
          </label>`,
      )}
    </div>
    <p class="hint">
      ${
        known && names.length === 0
          ? html`This namespace has none: <a href="#/secrets">make one</a>.`
          : 'It reads each at /var/openfaas/secrets/NAME.'
      }
    </p>
    <${Problem} text=${problem || loading.problem} />
  </fieldset>`;
}

import type { FunctionDeployment } from '../../../../provider/index.ts';
import type { StackFunctionView, StackView } from '../../wire.ts';
import { api, messageOf } from '../api.ts';
import { useAction } from '../asking.ts';
import { useLive } from '../live.ts';
import { html, useState } from '../preact.js';
import { shownText } from '../shown-text.ts';
import { FunctionLink } from './function-link.ts';
import { Problem } from './problem.ts';
import { Pulling } from './pulling.ts';
import { Table } from './table.ts';
import { Value } from './value.ts';

const [asking, accepted] = ['deploying', 'starting'];

/** Deploys the functions of a stack.yml, one after another. */
export function StackPaste() {
  const [text, setText] = useState('');
  const [view, setView] = useState<StackView | undefined>(undefined);
  const [outcomes, setOutcomes] = useState<Record<string, string>>({});
  const { isActing, problem, act } = useAction();
  const change = (stack: string) => {
    setText(stack);
    setView(undefined);
    setOutcomes({});
  };
  const read = (event: Event) => {
    event.preventDefault();
    void act(async () =>
      setView(await api.json<StackView>('/system/stack', { method: 'POST', body: { stack: text } })),
    );
  };
  const todo = view?.functions.filter(({ isSame }) => !isSame) ?? [];
  const deployAll = () =>
    act(async () => {
      const say = (fn: FunctionDeployment, outcome: string) => setOutcomes((all) => ({ ...all, [keyOf(fn)]: outcome }));
      for (const { deployment } of todo) {
        say(deployment, asking);
        say(deployment, await outcomeOf(deployment));
      }
    });
  return html`<${StackText} text=${text} onText=${change} onRead=${read} isActing=${isActing} problem=${problem} /> ${
      view &&
      html`<section class="card">
        <h2>What it says</h2>
        <${Problem} text=${view.problems.join('\n')} />
        ${view.warnings.length > 0 && html`<p class="warning">${shownText(view.warnings.join('\n'))}</p>`}
        ${view.functions.length > 0 && html`<${Functions} functions=${view.functions} outcomes=${outcomes} />`}
        ${
          view.problems.length === 0 &&
          html`<button class="primary" disabled=${isActing || todo.length === 0} onClick=${() => void deployAll()}>
            ${todo.length === 0 ? 'Nothing to deploy' : `Deploy ${todo.length}`}
          </button>`
        }
      </section>`
    }`;
}

interface StackTextOptions {
  text: string;
  isActing: boolean;
  problem: string;
  onText: (text: string) => void;
  onRead: (event: Event) => void;
}

function StackText({ text, isActing, problem, onText, onRead }: StackTextOptions) {
  const readFile = async (event: Event) => {
    const [file] = (event.target as HTMLInputElement).files ?? [];
    if (file) onText(await file.text());
  };
  return html`<form class="card" onSubmit=${onRead}>
    <label>
      A stack.yml
      <input type="file" accept=".yml,.yaml" onChange=${(event: Event) => void readFile(event)} />
    </label>
    <label>
      or its text
      <textarea
        rows="10"
        class="mono"
        required
        spellcheck=${false}
        placeholder=${'functions:\n  hello:\n    image: ghcr.io/me/hello:latest'}
        value=${text}
        onInput=${(event: Event) => onText((event.target as HTMLTextAreaElement).value)}
      />
    </label>
    <button aria-disabled=${isActing}>Look at it</button>
    <p class="hint">This deploys nothing yet. Images must be in a registry: no image is built here.</p>
    <${Problem} text=${problem} />
  </form>`;
}

function Functions({ functions, outcomes }: { functions: StackFunctionView[]; outcomes: Record<string, string> }) {
  const live = useLive();
  const rows = functions.map(({ deployment: fn, isNew, isSame }) => {
    const key = keyOf(fn);
    const outcome = outcomes[key] ?? '–';
    const { state, reason } = live.row(fn.namespace, fn.name) ?? {};
    const cells = [
      html`<${FunctionLink} ...${fn} />`,
      html`<${Value} text=${fn.image} />`,
      isNew ? 'new' : isSame ? 'none: it is so already' : 'changed',
      outcome === asking || (outcome === accepted && state !== 'ready')
        ? html`${shownText((outcome === accepted && reason) || outcome)}<${Pulling}
              image=${fn.image}
              namespace=${fn.namespace}
            />`
        : outcome === accepted
          ? state
          : shownText(outcome),
    ];
    return { key, cells };
  });
  return html`<div aria-live="polite">
    <${Table} heads=${['Function', 'Image', 'Change', 'Outcome']} rows=${rows} />
  </div>`;
}

function keyOf({ name, namespace }: FunctionDeployment): string {
  return `${name}.${namespace}`;
}

async function outcomeOf(fn: FunctionDeployment): Promise<string> {
  try {
    await api.json('/system/functions', { method: 'PUT', body: fn });
    return accepted;
  } catch (error) {
    return messageOf(error);
  }
}

import type { FunctionDeployment, FunctionStatus } from '../../../../provider/index.ts';
import { api } from '../api.ts';
import { useLoaded } from '../asking.ts';
import { draftOf } from '../deployment-draft.ts';
import { live } from '../live.ts';
import { Deployed } from '../parts/deployed.ts';
import { DeploymentForm } from '../parts/deployment-form.ts';
import { Problem } from '../parts/problem.ts';
import { StackPaste } from '../parts/stack-paste.ts';
import { html, useState } from '../preact.js';
import { linkTo } from '../router.ts';
import { shownText } from '../shown-text.ts';

const example = { name: 'nodeinfo', image: 'ghcr.io/openfaas/nodeinfo:latest' };

/** Deploys a function by a form, or those of a stack.yml (`#/deploy/stack`); changes one where it is named. */
export function DeployPage({ namespace, name }: { namespace: string; name: string }) {
  if (name !== '') return html`<${UpdatePage} namespace=${namespace} name=${name} />`;
  const way = (path: string, title: string) => {
    const isHere = (path === 'stack') === (namespace === 'stack');
    return html`<a href=${linkTo('deploy', ...(path ? [path] : []))} aria-current=${isHere ? 'page' : undefined}
      >${title}</a
    >`;
  };
  return html`<h1>Deploy</h1>
    <nav class="ways" aria-label="Ways to deploy">${way('', 'By a form')}${way('stack', 'From a stack.yml')}</nav>
    ${namespace === 'stack' ? html`<${StackPaste} />` : html`<${NewFunction} ...${namespace === example.name ? example : { name: '', image: '' }} />`}`;
}

function NewFunction({ name, image }: { name: string; image: string }) {
  const { value: namespaces, problem } = useLoaded(listNamespaces, []);
  const [deployed, setDeployed] = useState<Outcome | undefined>(undefined);
  if (deployed)
    return html`<${Deployed} ...${deployed} isUpdate=${false} />
      <button onClick=${() => setDeployed(undefined)}>Deploy another</button>`;
  if (!namespaces) return html`<${Problem} text=${problem} />`;
  const [first = ''] = namespaces;
  const namespace = namespaces.includes('openfaas-fn') ? 'openfaas-fn' : first;
  return html`<${DeploymentForm}
    draft=${draftOf({ name, namespace, image })}
    namespaces=${namespaces}
    isUpdate=${false}
    onDeployed=${(fn: FunctionDeployment, isReady: boolean) => setDeployed({ fn, isReady })}
  />`;
}

interface Outcome {
  fn: FunctionDeployment;
  isReady: boolean;
}

function UpdatePage({ namespace, name }: { namespace: string; name: string }) {
  const path = `/system/function/${encodeURIComponent(name)}?${new URLSearchParams({ namespace })}`;
  const { value: status, problem } = useLoaded((signal) => api.json<FunctionStatus>(path, { signal }), [path]);
  const [deployed, setDeployed] = useState<Outcome | undefined>(undefined);
  const file = status?.berth?.file;
  return html`<h1>Change <bdi>${shownText(name)}</bdi></h1>
    <${Problem} text=${problem} />
    ${deployed && html`<${Deployed} ...${deployed} isUpdate=${true} />`}
    ${file && !deployed && html`<p class="warning">It comes from the file ${file}: what is changed here may be put back.</p>`}
    ${
      status &&
      !deployed &&
      html`<${DeploymentForm}
        draft=${draftOf(status)}
        namespaces=${[namespace]}
        isUpdate=${true}
        onDeployed=${(fn: FunctionDeployment, isReady: boolean) => setDeployed({ fn, isReady })}
      />`
    }`;
}

/** Lists the namespaces; where the back end knows of none there is the one that it has. */
async function listNamespaces(signal: AbortSignal): Promise<string[]> {
  return live.can('namespaces') || !live.host ? api.json<string[]>('/system/namespaces', { signal }) : ['openfaas-fn'];
}

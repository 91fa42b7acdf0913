import type { FunctionDeployment } from '../../../../provider/index.ts';
import { deployCommand } from '../deployment-draft.ts';
import { useLive } from '../live.ts';
import { html, useEffect, useRef } from '../preact.js';
import { linkTo } from '../router.ts';
import { Command } from './command.ts';
import { Problem } from './problem.ts';
import { Pulling } from './pulling.ts';

export interface DeployedOptions {
  fn: FunctionDeployment;
  isUpdate: boolean;
  /** berth has answered that it is. */
  isReady: boolean;
}

/** What became of a deployment, as it becomes. */
export function Deployed({ fn, isUpdate, isReady }: DeployedOptions) {
  const { namespace, name, image } = fn;
  const row = useLive().row(namespace, name);
  const title = useRef<HTMLElement>(null);
  useEffect(() => title.current?.focus(), []);
  const isUp = isReady || (!isUpdate && row?.state === 'ready');
  const isFailing = !isUp && !isUpdate && row?.state === 'failing';
  return html`<section class="card">
    <h2 tabindex="-1" ref=${title}><bdi>${name}</bdi></h2>
    <div role="status">
      ${isUp && html`<p>It is ${isUpdate ? 'updated' : 'deployed'}, and takes calls.</p>`}
      ${!isUp && !isFailing && html`<p>${isUpdate ? stillUpdating : stillStarting}</p>`}
      <${Pulling} image=${image} namespace=${namespace} />
    </div>
    ${isFailing && html`<${Problem} text=${`It is not ready: ${row?.reason ?? 'its log may say why'}`} />`}
    <p class="buttons">
      <a class="button primary" href=${linkTo('function', namespace, name)}>Open the function</a>
      <a class="button" href=${linkTo('deploy', namespace, name)}>Change it</a>
    </p>
    <h2>The same by faas-cli</h2>
    <${Command} text=${deployCommand(fn)} />
  </section>`;
}

const stillStarting = 'berth is still at it: the image is pulled, or its first replica starts.';
const stillUpdating =
  'berth is still at it. The version before serves until the new one is ready; the function’s page says so.';

import type { FunctionResources, FunctionStatus } from '../../../../provider/index.ts';
import { Table } from '../parts/table.ts';
import { Value, Values } from '../parts/value.ts';
import { html } from '../preact.js';
import { linkTo } from '../router.ts';
import { agoText, timeText } from '../texts.ts';

/** What was declared, and which versions there are. */
export function Declared({ status }: { status: FunctionStatus }) {
  const { envProcess, envVars, labels, annotations, limits, requests, secrets, constraints } = status;
  const rest: Record<string, string> = {};
  if (envProcess) rest['process'] = envProcess;
  if (limits) rest['limits'] = resourcesText(limits);
  if (requests) rest['requests'] = resourcesText(requests);
  if (status.readOnlyRootFilesystem) rest['root filesystem'] = 'read-only';
  if (constraints) rest['constraints'] = constraints.join(', ');
  return html`<section class="card" aria-labelledby="declared">
    <h2 id="declared">What was declared</h2>
    <${Versions} status=${status} />
    <${Values} title="Function" values=${rest} />
    <${Values} title="Environment" values=${envVars} />
    ${
      secrets &&
      html`<h3>Secrets</h3>
        <p>${secrets.map((name) => html`<a class="value" href=${linkTo('secrets')}>${name}</a> `)}</p>`
    }
    <${Values} title="Labels" values=${labels} />
    <${Values} title="Annotations" values=${annotations} />
  </section>`;
}

function resourcesText(resources: FunctionResources): string {
  return Object.entries(resources)
    .map(([name, amount]) => `${name} ${amount as string}`)
    .join(', ');
}

/** What serves, what is to follow it, and what was before. */
function Versions({ status }: { status: FunctionStatus }) {
  const { image, createdAt, berth = {} } = status;
  const { candidate, previous, generation, imageDigest, deployedAt = createdAt } = berth;
  const versions = [
    { title: 'current', image, generation, imageDigest, deployedAt },
    ...(candidate ? [{ title: 'candidate', ...candidate }] : []),
    ...(previous ? [{ title: 'previous', ...previous }] : []),
  ];
  const rows = versions.map(({ title, generation, image, imageDigest, deployedAt }) => ({
    key: title,
    cells: [
      html`<strong>${title}</strong>`,
      html`<span class="mono">${generation ?? '–'}</span>`,
      html`<${Value} text=${image} /> <span class="mono faint digest">${imageDigest}</span>`,
      html`<span title=${timeText(deployedAt)}>${agoText(deployedAt)}</span>`,
    ],
  }));
  return html`<${Table} heads=${['Version', 'Generation', 'Image', 'Deployed']} rows=${rows} />`;
}

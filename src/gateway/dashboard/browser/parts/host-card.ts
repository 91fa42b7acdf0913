import type { HostView, PullView } from '../../wire.ts';
import { html } from '../preact.js';
import { shownText } from '../shown-text.ts';
import { bytesText } from '../texts.ts';
import { Command } from './command.ts';

/** How the host is, and what berth does on it now. */
export function HostCard({ host, pulls }: { host: HostView; pulls: PullView[] }) {
  const { hostname, memoryBytes, freeMemoryBytes, disks, load, cpus } = host;
  return html`<section class="card host" aria-label="Host">
    <div class="head">
      <h1><bdi>${hostname}</bdi></h1>
      <${Wellness} ...${host} />
    </div>
    <${Problems} ...${host} />
    <dl class="gauges">
      <${Gauge} title="Memory" used=${memoryBytes - freeMemoryBytes} whole=${memoryBytes} />
      ${disks.map(
        ({ name, path, bytes, freeBytes }) =>
          html`<${Gauge}
            key=${name}
            title=${disks.length > 1 ? `Disk: ${name}` : 'Disk'}
            hint=${`${name}: ${path}`}
            used=${bytes - freeBytes}
            whole=${bytes}
          />`,
      )}
      <div>
        <dt>Load of 1, 5, 15 min</dt>
        <dd>
          ${load.join(' · ')} on ${cpus} ${cpus === 1 ? 'core' : 'cores'}
          <${Meter} title="Load in 1 min" share=${(load[0] ?? 0) / cpus} />
        </dd>
      </div>
    </dl>
    <${Versions} ...${host} />
    <${Pulls} pulls=${pulls} />
  </section>`;
}

interface GaugeOptions {
  title: string;
  hint?: string;
  used: number;
  whole: number;
}

function Gauge({ title, hint, used, whole }: GaugeOptions) {
  return html`<div>
    <dt title=${hint}>${title}</dt>
    <dd>
      ${bytesText(used)} of ${bytesText(whole)}
      <${Meter} title=${title} share=${used / (whole || 1)} />
    </dd>
  </div>`;
}

function Meter({ title, share }: { title: string; share: number }) {
  return html`<meter aria-label=${title} value=${Math.min(share, 1)} low="0.8" high="0.92" optimum="0" />`;
}

function Wellness({ ready, problems, partsCount }: HostView) {
  const isWell = problems.length === 0;
  return html`<div role="status">
    ${!ready && html`<span class="state starting">berth has just started, and has not seen each function yet</span>`}
    ${ready && isWell && partsCount > 0 && html`<span class="state ready">all ${partsCount} parts are well</span>`}
    ${!isWell && html`<span class="state failing">parts that are not well: ${problems.length} of ${partsCount}</span>`}
  </div>`;
}

/** What is not well, and how it is mended. */
function Problems({ problems }: HostView) {
  return problems.map(
    ({ name, problem = 'It is not well; the log says why.', mend }) =>
      html`<div key=${name} class="unwell">
        <p class="problem"><strong>${name}</strong>: ${shownText(problem)}</p>
        ${mend && html`<${Command} text=${mend} />`}
      </div>`,
  );
}

function Versions({ release, sha, versions }: HostView) {
  // It may tell its own, which is here already.
  const others = Object.entries(versions).filter(([name]) => name !== 'berth');
  return html`<p class="versions faint">
    <span title=${sha}>berth ${release}</span>
    ${others.map(([name, version]) => html`<span key=${name}>${name} ${version}</span>`)}
  </p>`;
}

function Pulls({ pulls }: { pulls: PullView[] }) {
  if (pulls.length === 0) return null;
  return html`<h2>Images that are pulled now</h2>
    ${pulls.map(({ image, namespace, bytes, totalBytes }) => {
      const text = totalBytes > 0 ? `${bytesText(bytes)} of ${bytesText(totalBytes)}` : 'asking the registry';
      return html`<label key=${`${namespace} ${image}`} class="pulling">
        <span class="mono">${image}</span> <span class="faint">${text}</span>
        <progress max=${totalBytes || 1} value=${totalBytes > 0 ? bytes : undefined} />
      </label>`;
    })}`;
}

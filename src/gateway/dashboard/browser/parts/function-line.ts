import type { FunctionRow } from '../../wire.ts';
import { Component, html } from '../preact.js';
import { linkTo } from '../router.ts';
import { shownText } from '../shown-text.ts';
import { bytesText, clockedText, cpuText, msText, rateText, shareText } from '../texts.ts';

interface LineProps {
  row: FunctionRow;
}

/** A function in the list of all. Drawn anew only when its own row has changed, however many others have. */
export class FunctionLine extends Component<LineProps> {
  override shouldComponentUpdate({ row }: LineProps): boolean {
    return row !== this.props.row;
  }

  override render({ row }: LineProps) {
    const { name, namespace, state, reason, image, wanted, ready, callsPerSecond, p50Ms, p99Ms } = row;
    const { errorShare, memoryBytes, cpuMillis } = row;
    return html`<tr role="row" class="line-of">
      <th role="rowheader" scope="row">
        <a href=${linkTo('function', namespace, name)}><bdi>${name}</bdi></a>
        <span class="image faint">${image}</span>
        ${reason && html`<span class=${`why ${state}`}>${shownText(clockedText(reason))}</span>`}
      </th>
      <td role="cell"><span class=${`state ${state}`}>${state}</span></td>
      ${cell('Replicas', wanted === 0 && ready === 0 ? '0' : `${ready} of ${wanted}`)}
      ${cell('Calls/s', rateText(callsPerSecond))} ${cell('p50', msText(p50Ms))} ${cell('p99', msText(p99Ms))}
      ${cell('Errors', shareText(errorShare), (errorShare ?? 0) > 0 ? 'bad' : undefined)}
      ${cell('Memory', bytesText(memoryBytes))} ${cell('CPU', cpuText(cpuMillis))}
    </tr>`;
  }
}

function cell(label: string, text: string, how?: string) {
  return html`<td role="cell" class=${text === '–' ? 'unknown' : how} data-label=${label}>${text}</td>`;
}

import type { AsyncList } from '../../../async/async-routes.ts';
import { api } from '../api.ts';
import { useAction } from '../asking.ts';
import { html, useState } from '../preact.js';
import { Confirm } from './confirm.ts';
import { Problem } from './problem.ts';

const most = 1000;

/** A button that has the dead calls of a function made again. */
export function ReplayAll({ of, onReplayed }: { of: AsyncList['functions'][number]; onReplayed: () => void }) {
  const [isAsked, setAsked] = useState(false);
  const [count, setCount] = useState(0);
  const { isActing, problem, act } = useAction();
  const replay = () => {
    setAsked(false);
    void act(() => replayDead(`${of.name}.${of.namespace}`, setCount)).then(onReplayed);
  };
  return html`<button aria-disabled=${isActing} onClick=${() => setAsked(true)}>
      ${isActing ? `Replayed ${count}` : 'Replay dead'}
    </button>
    <${Problem} text=${problem} />
    ${
      isAsked &&
      html`<${Confirm}
        title="Replay dead calls"
        text=${`Dead calls of ${of.name}: ${of.dead}. Each is queued anew with its body, and made when it is its turn.`}
        act="Replay"
        onYes=${replay}
        onNo=${() => setAsked(false)}
      />`
    }`;
}

/** Page by page from the newest on: one that dies again meanwhile is not made again and again. */
async function replayDead(fn: string, onCount: (count: number) => void): Promise<void> {
  let count = 0;
  for (let before = ''; ;) {
    const { calls } = await api.json<AsyncList>(
      `/system/async?function=${fn}&state=dead&limit=${most}&before=${before}`,
    );
    for (const { id } of calls) {
      await api.json(`/system/async/${encodeURIComponent(id)}/replay`, { method: 'POST' });
      onCount(++count);
    }
    if (calls.length < most) return;
    before = calls.at(-1)?.id ?? '';
  }
}

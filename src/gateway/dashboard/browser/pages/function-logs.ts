import type { FunctionName, LogMessage } from '../../../../provider/index.ts';
import { api } from '../api.ts';
import { useAction } from '../asking.ts';
import { logsLines } from '../command-lines.ts';
import { live } from '../live.ts';
import { LogFollower } from '../log-follower.ts';
import { matching, type ShownLine } from '../log-lines.ts';
import { readParts } from '../part-reader.ts';
import { offer } from '../parts/download.ts';
import { Problem } from '../parts/problem.ts';
import { Terminal } from '../parts/terminal.ts';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../preact.js';

/** The newest lines of the log, as they come. */
export function Logs(fn: FunctionName) {
  const { lines, problem, isPaused, unseen, pause } = useLines(fn);
  const [search, setSearch] = useState('');
  const [replica, setReplica] = useState('');
  const download = useAction();
  const replicas = [...new Set(lines.map((line) => line.replica))];
  const shown = matching(lines, search, replica);
  return html`<section class="card" aria-labelledby="logs">
    <div class="head">
      <h2 id="logs">Log</h2>
      <div class="buttons tools">
        <input
          type="search"
          aria-label="Search"
          placeholder="Search"
          onInput=${(event: Event) => setSearch(valueOf(event))}
        />
        <select aria-label="Replica" onChange=${(event: Event) => setReplica(valueOf(event))}>
          <option value="">All replicas</option>
          ${replicas.map((id) => html`<option key=${id} value=${id}>${id}</option>`)}
        </select>
        <button type="button" aria-pressed=${isPaused} onClick=${() => pause(!isPaused)}>
          ${isPaused ? `Go on${unseen > 0 ? ` (${unseen} new)` : ''}` : 'Pause'}
        </button>
        <button
          type="button"
          aria-disabled=${download.isActing}
          onClick=${() => void download.act(() => downloadLog(fn))}
        >
          Download
        </button>
      </div>
    </div>
    <${Problem} text=${problem || download.problem} />
    <${Lines} lines=${shown} search=${search} isStill=${isPaused} />
    <p class="hint">
      ${shown.length < lines.length && `${shown.length} of `}${lines.length} ${lines.length === 1 ? 'line' : 'lines'}.
      The newest ${most} are kept here; the download has all that berth keeps.
    </p>
    <${Terminal} lines=${logsLines(fn)} />
  </section>`;
}

const most = 1000;

function useLines(fn: FunctionName) {
  const [lines, setLines] = useState<readonly ShownLine[]>([]);
  const [problem, setProblem] = useState('');
  const [isPaused, setPaused] = useState(false);
  const [count, setCount] = useState(0);
  const [pausedAt, setPausedAt] = useState(0);
  const follower = useRef<LogFollower>(null);
  useEffect(() => {
    const leaving = new AbortController();
    const follow = new LogFollower(fn, most);
    follower.current = follow;
    void follow.run(leaving.signal, () => {
      setCount(follow.lines.count);
      // The whole page says so already.
      setProblem(live.isLost ? '' : follow.problem);
    });
    return () => leaving.abort();
  }, [fn.name, fn.namespace]);
  useEffect(() => {
    if (!isPaused) setLines(follower.current?.lines.lines ?? []);
  }, [isPaused, count]);
  const pause = (isWanted: boolean) => {
    setPausedAt(count);
    setPaused(isWanted);
  };
  return { lines, problem, isPaused, unseen: isPaused ? count - pausedAt : 0, pause };
}

interface LinesOptions {
  lines: ShownLine[];
  search: string;
  isStill: boolean;
}

/** A box that stays at its end, unless somebody has scrolled up. */
function Lines({ lines, search, isStill }: LinesOptions) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current && !isStill) box.current.scrollTop = box.current.scrollHeight;
  });
  const scrolled = ({ currentTarget }: Event) => {
    const { scrollTop, scrollHeight, clientHeight } = currentTarget as HTMLElement;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 30;
  };
  return html`<div
    ref=${box}
    class="log"
    role="log"
    aria-live="off"
    aria-label="Lines of the log"
    tabindex="0"
    onScroll=${scrolled}
  >
    ${lines.length === 0 && html`<p class="hint">No lines.</p>`}
    ${lines.map((line) => html`<${Line} key=${line.key} line=${line} search=${search} />`)}
  </div>`;
}

function Line({ line, search }: { line: ShownLine; search: string }) {
  const { timestamp, replica, level, text } = line;
  return html`<div class=${`line ${level ?? ''}`}>
    <time datetime=${timestamp} title=${timestamp}>${new Date(timestamp).toLocaleTimeString()}</time>
    <span class="faint" title="replica">${replica}</span>
    ${level && !text.toLowerCase().includes(level) && html`<span class="level">${level}</span>`}
    <bdi>${marked(text, search)}</bdi>
  </div>`;
}

/** Returns the text with what is searched for in it marked. */
function marked(text: string, search: string) {
  if (search === '') return text;
  const lower = text.toLowerCase();
  const parts: unknown[] = [];
  let at = 0;
  for (let next = lower.indexOf(search.toLowerCase()); next >= 0; next = lower.indexOf(search.toLowerCase(), at)) {
    parts.push(text.slice(at, next), html`<mark>${text.slice(next, next + search.length)}</mark>`);
    at = next + search.length;
  }
  return [...parts, text.slice(at)];
}

/** Saves all lines that berth keeps, just as they are: time, replica, text. */
async function downloadLog({ name, namespace }: FunctionName): Promise<void> {
  const lines: string[] = [];
  await readParts(await api.fetch(`/system/logs?name=${name}&namespace=${namespace}`), '\n', (json) => {
    const { timestamp, instance, text } = JSON.parse(json) as LogMessage;
    lines.push(`${timestamp} ${instance} ${text}\n`);
  });
  offer(new Blob(lines, { type: 'text/plain' }), `${name}.${namespace}.log`);
}

function valueOf(event: Event): string {
  return (event.currentTarget as HTMLInputElement | HTMLSelectElement).value;
}

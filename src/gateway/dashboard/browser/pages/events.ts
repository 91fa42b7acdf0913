import type { EventView } from '../../wire.ts';
import { api, messageOf } from '../api.ts';
import { type EventQuery, mostEvents, newsOf, shownEvents, withEvents } from '../event-list.ts';
import { live } from '../live.ts';
import { FunctionLink } from '../parts/function-link.ts';
import { Problem } from '../parts/problem.ts';
import { html, useEffect, useRef, useState } from '../preact.js';
import { shownText } from '../shown-text.ts';
import { clockText, timeText } from '../texts.ts';

const path = '/system/events';
const any: EventQuery = { text: '', kind: '', severity: '' };

/** What happened lately on this host, as it happens. */
export function EventsPage() {
  const { list, problem, news, waiting, isPaused, setPaused } = useEvents();
  const [query, setQuery] = useState(any);
  if (list === undefined)
    return html`<h1>Events</h1>
      <${Problem} text=${problem} />
      ${!problem && html`<p role="status">Asking berth what happened…</p>`}`;
  const shown = shownEvents(list, query);
  return html`<h1>Events</h1>
    <${Filters} list=${list} query=${query} onQuery=${setQuery} isPaused=${isPaused} onPaused=${setPaused} />
    <${Problem} text=${problem} />
    ${isPaused && html`<p class="warning" role="status">Paused. ${waiting > 0 && `${waiting} new.`}</p>`}
    <p role="status" class="off-screen">${news}</p>
    ${
      shown.length > 0
        ? html`<ol class="card events">
            ${shown.map((event) => html`<${EventLine} key=${event.id} event=${event} />`)}
          </ol>`
        : html`<p class="card">
            ${list.length > 0 ? 'No event is like that.' : 'Nothing has happened since berth started.'}
          </p>`
    }
    ${list.length === mostEvents && html`<p class="hint">These are the last ${mostEvents}. On the host: <code>berth events</code></p>`}`;
}

/** Reads what happened lately, and follows. What comes while it is paused waits. */
function useEvents() {
  const [list, setList] = useState<EventView[] | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const [news, setNews] = useState('');
  const [isPaused, setIsPaused] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const come = useRef<EventView[]>([]);
  const isHeld = useRef(false);
  const show = () => {
    const events = come.current?.splice(0) ?? [];
    setWaiting(0);
    setNews(newsOf(events));
    setList((shown = []) => withEvents(shown, events));
  };
  const take = (event: EventView) => {
    const events = come.current ?? [];
    events.push(event);
    if (events.length > mostEvents) events.shift();
    if (isHeld.current) setWaiting(events.length);
    // Many that come at once are shown at once.
    else if (events.length === 1) setTimeout(() => !isHeld.current && show());
  };
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const onOpen = () => {
      setProblem('');
      setList((shown = []) => shown);
    };
    void read({ onList: setList, onEvent: take, onOpen, onProblem: setProblem, signal });
    return () => leaving.abort();
  }, []);
  const setPaused = (value: boolean) => {
    isHeld.current = value;
    setIsPaused(value);
    if (!value) show();
  };
  return { list, problem, news, waiting, isPaused, setPaused };
}

interface ReadOptions {
  onList: (list: EventView[]) => void;
  onEvent: (event: EventView) => void;
  onOpen: () => void;
  onProblem: (problem: string) => void;
  signal: AbortSignal;
}

/** Gives what happened so far, and follows behind it. */
async function read({ onList, onEvent, onOpen, onProblem, signal }: ReadOptions): Promise<void> {
  let lastId: string | undefined;
  try {
    const recent = await api.json<EventView[]>(path, { signal });
    onList(withEvents([], recent));
    lastId = recent.at(-1)?.id;
  } catch (error) {
    if (!signal.aborted) onProblem(messageOf(error));
  }
  await live.follow({ path, onEvent: ({ data }) => onEvent(JSON.parse(data) as EventView), onOpen, signal, lastId });
}

interface FilterOptions {
  list: EventView[];
  query: EventQuery;
  onQuery: (query: EventQuery) => void;
  isPaused: boolean;
  onPaused: (isPaused: boolean) => void;
}

function Filters({ list, query, onQuery, isPaused, onPaused }: FilterOptions) {
  const set = (key: keyof EventQuery) => (event: Event) =>
    onQuery({ ...query, [key]: (event.currentTarget as HTMLInputElement).value });
  const select = (key: 'kind' | 'severity', title: string) =>
    html`<label>
      <span class="off-screen">${title}</span>
      <select value=${query[key]} onChange=${set(key)}>
        <option value="">Any ${key}</option>
        ${[...new Set(list.map((event) => event[key]))].sort().map((each) => html`<option key=${each}>${each}</option>`)}
      </select>
    </label>`;
  return html`<div class="filters">
    <label class="grow">
      <span class="off-screen">Filter by function or text</span>
      <input type="search" placeholder="Filter by function or text" value=${query.text} onInput=${set('text')} />
    </label>
    ${select('kind', 'Filter by kind')} ${select('severity', 'Filter by severity')}
    <button type="button" aria-pressed=${isPaused} onClick=${() => onPaused(!isPaused)}>Pause</button>
  </div>`;
}

function EventLine({ event }: { event: EventView }) {
  const { at, kind, severity, text, name, namespace = '' } = event;
  return html`<li class=${severity}>
    <time datetime=${at} title=${timeText(at)}>${clockText(at)}</time>
    <span class="kind">${kind}</span>
    <span class="about">${name && html`<${FunctionLink} name=${name} namespace=${namespace} />`}</span>
    <span class="text">${shownText(text)}</span>
  </li>`;
}

import type { FunctionName, FunctionStatus } from '../../../../provider/index.ts';
import type { FunctionRow } from '../../wire.ts';
import { api } from '../api.ts';
import { useAction } from '../asking.ts';
import { deleteLines, restartLines, rollBackLines, scaleLines } from '../command-lines.ts';
import { useLive } from '../live.ts';
import { Confirm } from '../parts/confirm.ts';
import { Problem } from '../parts/problem.ts';
import { Terminal } from '../parts/terminal.ts';
import { html, useEffect, useRef, useState } from '../preact.js';
import { goTo, linkTo } from '../router.ts';

/** Something that can be done to a function, and the sentences around it. */
interface Deed {
  act: string;
  /** What will happen. */
  text: string;
  /** What has happened. */
  done: string;
  lines: string[];
  isDangerous?: boolean;
  method: string;
  path: string;
  body?: object;
}

export interface ActionsOptions {
  fn: FunctionName;
  status: FunctionStatus;
  row?: FunctionRow;
  onDone: () => void;
}

/** The buttons that change the function, each of which asks first. */
export function Actions({ fn, status, row, onDone }: ActionsOptions) {
  const live = useLive();
  const [asked, setAsked] = useState<Deed | undefined>(undefined);
  const [done, setDone] = useState<Deed | undefined>(undefined);
  const { isActing, problem, act } = useAction();
  const perform = (deed: Deed) => {
    setAsked(undefined);
    setDone(undefined);
    void act(async () => {
      await api.json(deed.path, { method: deed.method, body: deed.body });
      if (deed.method === 'DELETE') return goTo('');
      setDone(deed);
      onDone();
    });
  };
  const { previous } = status.berth ?? {};
  const isAsleep = (row?.wanted ?? status.replicas) === 0;
  const deeds = [
    isAsleep ? wake(fn) : sleep(fn),
    ...(live.can('restart') && !isAsleep ? [restart(fn)] : []),
    ...(live.can('rollBack') && previous ? [rollBack(fn, previous.image)] : []),
    remove(fn),
  ];
  return html`<div class="actions">
    <div class="buttons">
      <${Scale}
        key=${row?.wanted}
        wanted=${row?.wanted ?? status.replicas}
        onScale=${(count: number) => setAsked(scale(fn, count))}
      />
      <a class="button" href=${linkTo('deploy', fn.namespace, fn.name)}>Change</a>
      ${deeds.map(
        (deed) =>
          html`<button
            type="button"
            key=${deed.act}
            class=${deed.isDangerous ? 'danger' : undefined}
            aria-disabled=${isActing}
            onClick=${() => setAsked(deed)}
          >
            ${deed.act}
          </button>`,
      )}
    </div>
    <${Problem} text=${problem} />
    <${Outcome} done=${done} />
    ${
      asked &&
      html`<${Confirm}
        title=${`${asked.act}: ${fn.name}`}
        text=${asked.text}
        act=${asked.act}
        isDangerous=${asked.isDangerous}
        onYes=${() => perform(asked)}
        onNo=${() => setAsked(undefined)}
      />`
    }
  </div>`;
}

/** What was done. It has the focus then, as the button that was pressed may be another one by now. */
function Outcome({ done }: { done?: Deed }) {
  const outcome = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (done) outcome.current?.focus();
  }, [done]);
  return html`<div role="status" tabindex="-1" ref=${outcome}>${done && html`<p>${done.done}</p>`}</div>
    ${done && html`<${Terminal} key=${done.act} lines=${done.lines} isOpen />`}`;
}

function Scale({ wanted, onScale }: { wanted: number; onScale: (count: number) => void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onScale(Number(new FormData(event.currentTarget as HTMLFormElement).get('replicas')));
  };
  return html`<form class="scale" onSubmit=${submit}>
    <label>Replicas <input name="replicas" type="number" min="0" max="1000" required value=${wanted} /></label>
    <button>Scale</button>
  </form>`;
}

function scale(fn: FunctionName, replicas: number): Deed {
  if (replicas === 0) return sleep(fn);
  return {
    act: 'Scale',
    text: `${fn.name} will have ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}, within the limits that its labels set. Replicas that go finish their calls first.`,
    done: `${fn.name} is being scaled.`,
    lines: scaleLines(fn, replicas),
    ...scaling(fn, replicas),
  };
}

function sleep(fn: FunctionName): Deed {
  return {
    act: 'Put to sleep',
    text: `All replicas of ${fn.name} end once their calls are done. The next call wakes it, and waits until it has started.`,
    done: `${fn.name} is being put to sleep.`,
    lines: scaleLines(fn, 0),
    ...scaling(fn, 0),
  };
}

function wake(fn: FunctionName): Deed {
  return {
    act: 'Wake',
    text: `A replica of ${fn.name} is started now, or as many as its labels want at least.`,
    done: `${fn.name} is being woken.`,
    lines: scaleLines(fn, 1),
    ...scaling(fn, 1),
  };
}

function scaling({ name, namespace }: FunctionName, replicas: number): Pick<Deed, 'method' | 'path' | 'body'> {
  return { method: 'POST', path: `/system/scale-function/${name}`, body: { namespace, replicas } };
}

function restart(fn: FunctionName): Deed {
  const { name, namespace } = fn;
  return {
    act: 'Restart',
    text: `New replicas of ${name} are started and take over when they are ready; the old ones finish their calls and end. No call is lost.`,
    done: `${name} is being restarted.`,
    lines: restartLines(fn),
    method: 'POST',
    path: `/system/restart-function/${name}`,
    body: { namespace },
  };
}

function rollBack(fn: FunctionName, image: string): Deed {
  const { name, namespace } = fn;
  return {
    act: 'Roll back',
    text: `The version before, of the image ${image}, is started and takes over when it is ready. Its environment, labels and limits come back with it.`,
    done: `${name} is being rolled back.`,
    lines: rollBackLines(fn),
    method: 'POST',
    path: `/system/rollback-function/${name}?namespace=${namespace}`,
  };
}

function remove(fn: FunctionName): Deed {
  const { name, namespace } = fn;
  return {
    act: 'Delete',
    text: `${name} ends, and is gone with all its versions. Its log is kept for a while, its secrets stay. This cannot be undone. In a terminal: ${deleteLines(fn)[0]}`,
    done: '',
    lines: [],
    isDangerous: true,
    method: 'DELETE',
    path: '/system/functions',
    body: { functionName: name, namespace },
  };
}

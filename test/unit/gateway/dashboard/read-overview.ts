import type { ExecutionContext } from 'ava';
import type { FunctionsChange, Overview } from '../../../../src/gateway/dashboard/wire.ts';

/** Reads GET /system/overview. */
export async function readOverview(url: string): Promise<Overview> {
  const reply = await fetch(`${url}/system/overview`);
  return (await reply.json()) as Overview;
}

export interface ReadEvent {
  name: string;
  data: unknown;
}

/** An open overview: its events as they come, and how much came. */
export interface OpenOverview {
  readonly events: ReadEvent[];
  readonly bytes: number;
  /** What the events `functions` said, in their order. */
  functions(): FunctionsChange[];
  close(): void;
}

/** Opens the stream, and closes it with the test. */
export async function openOverview(t: ExecutionContext, url: string): Promise<OpenOverview> {
  const leaving = new AbortController();
  t.teardown(() => leaving.abort());
  const headers = { Accept: 'text/event-stream' };
  const reply = await fetch(`${url}/system/overview`, { headers, signal: leaving.signal });
  t.is(reply.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const events: ReadEvent[] = [];
  let bytes = 0;
  const read = async () => {
    let rest = '';
    for await (const text of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      bytes += text.length;
      const parts = (rest + text).split('\n\n');
      rest = parts.pop() ?? '';
      events.push(...parts.flatMap((part) => eventOf(part) ?? []));
    }
  };
  void read().catch(() => undefined);
  return {
    events,
    get bytes() {
      return bytes;
    },
    functions: () => events.filter(({ name }) => name === 'functions').map(({ data }) => data as FunctionsChange),
    close: () => leaving.abort(),
  };
}

function eventOf(part: string): ReadEvent | undefined {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
  return name !== undefined && data !== undefined ? { name, data: JSON.parse(data) as unknown } : undefined;
}

import { readParts } from './part-reader.ts';

/** One event of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface ServerEvent {
  /** `message` where the stream names none. */
  name: string;
  data: string;
  id?: string;
}

/**
 * Reads the events of an answer until it ends. Not by EventSource, which can send no header. Lines end with LF or CRLF; by
 * CR alone, which the standard has too, nobody ends them.
 */
export async function readEvents(
  reply: Response,
  onEvent: (event: ServerEvent) => void,
  onChunk?: () => void,
): Promise<void> {
  const take = (part: string) => {
    const event = eventOf(part);
    if (event) onEvent(event);
  };
  await readParts(reply, /\r?\n\r?\n/, take, onChunk);
}

function eventOf(part: string): ServerEvent | undefined {
  const data: string[] = [];
  const event: ServerEvent = { name: 'message', data: '' };
  for (const line of part.split(/\r?\n/)) {
    // U+2028 and U+2029 end no line here, and JSON has them as they are.
    const [, field, value = ''] = /^(\w+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event') event.name = value;
    else if (field === 'id') event.id = value;
  }
  return data.length > 0 ? { ...event, data: data.join('\n') } : undefined;
}

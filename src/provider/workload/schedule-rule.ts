import { oneOf, SettingReader, toBoolean } from './read-setting.ts';
import { parseSchedule, type Schedule } from './schedule.ts';

/** When a function is called without a caller, and how. */
export interface ScheduleRule {
  schedules: Schedule[];
  /** What it is called with; nothing where it is empty. */
  body: string;
  /** Whether a run may begin while the one before has not ended. */
  overlap: boolean;
  /** What becomes of times that passed while the daemon was down. */
  missed: 'once' | 'none';
}

interface ReadSchedules {
  /** Absent where there is no schedule, or it cannot be read. */
  rule?: ScheduleRule;
  /** What a deployer is told of annotations that cannot be read. */
  unreadable: string[];
}

const topicOfCron = 'cron-function';
/** Characters of the annotation, of one schedule, and how many there may be. */
const [longestList, longestSchedule, mostSchedules] = [4096, 256, 32];

const known = new WeakMap<Record<string, string>, ReadSchedules>();

/**
 * Reads the annotations `schedule` (several with `;` between), `timezone`, `schedule.body`, `schedule.overlap` and
 * `schedule.missed` of a function whose `topic` is cron-function; once for each object, as lists of functions are made often.
 * Source: https://docs.openfaas.com/reference/cron/
 */
export function readSchedules(annotations: Record<string, string>): ReadSchedules {
  let read = known.get(annotations);
  if (!read) {
    read = hasTopic(annotations) ? readAll(annotations) : { unreadable: [] };
    known.set(annotations, read);
  }
  return read;
}

function hasTopic({ topic = '' }: Record<string, string>): boolean {
  return topic.split(',').some((each) => each.trim() === topicOfCron);
}

function readAll(annotations: Record<string, string>): ReadSchedules {
  const reader = new SettingReader(annotations, 'schedule.');
  const overlap = reader.read('overlap', toBoolean, 'true or false') ?? false;
  const missed = reader.read('missed', oneOf(['once', 'none'] as const), 'once or none') ?? 'once';
  try {
    const schedules = parseSchedules(annotations.schedule ?? '', annotations.timezone);
    const rule = { schedules, body: reader.text('body') ?? '', overlap, missed };
    return { rule: schedules.length > 0 ? rule : undefined, unreadable: reader.unreadable };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { unreadable: [`annotation schedule: ${error.message}`, ...reader.unreadable] };
  }
}

function parseSchedules(list: string, zone: string | undefined): Schedule[] {
  if (list.length > longestList) throw new RangeError(`it is longer than ${longestList} characters`);
  const texts = list.split(';').filter((text) => text.trim() !== '');
  if (texts.length > mostSchedules) throw new RangeError(`it has more than ${mostSchedules} schedules`);
  const tooLong = (zone ?? '').length > longestSchedule || texts.some(({ length }) => length > longestSchedule);
  if (tooLong) throw new RangeError(`a schedule or its timezone is longer than ${longestSchedule} characters`);
  const schedules = texts.map((text) => parseSchedule(text, zone));
  return [...new Map(schedules.map((schedule) => [schedule.text, schedule])).values()];
}

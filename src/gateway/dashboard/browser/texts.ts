/** Numbers and moments as people read them. */
import { unseen } from './shown-text.ts';

/** Returns an amount such as `12.3 MiB`; a dash where it is not known. */
export function bytesText(bytes: number | undefined | null): string {
  if (bytes === undefined || bytes === null) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  // What would be rounded to 1024 is 1 of the next.
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 99.95 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Returns a duration such as `3.2 ms` or `1.5 s`. */
export function msText(ms: number | undefined | null): string {
  if (ms === undefined || ms === null) return '–';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** Returns how long ago a moment was, such as `5 min ago`. */
export function agoText(moment: string | undefined, nowMs = Date.now()): string {
  if (moment === undefined) return '–';
  const seconds = Math.round((nowMs - Date.parse(moment)) / 1000);
  if (seconds < 0) return timeText(moment);
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 36 * 3600 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} days ago`;
}

/** Returns a moment by the clock of whoever looks. */
export function timeText(moment: string | undefined): string {
  return moment === undefined ? '–' : new Date(moment).toLocaleString();
}

/** Returns a moment by the clock of whoever looks: its time, and its day where that is not today. */
export function clockText(moment: string, nowMs = Date.now()): string {
  const at = new Date(moment);
  const time = at.toLocaleTimeString();
  return at.toDateString() === new Date(nowMs).toDateString() ? time : `${at.toLocaleDateString()} ${time}`;
}

/** Returns a sentence with its moments by the clock of whoever looks. */
export function clockedText(text: string): string {
  return text.replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z\b/g, (moment) => clockText(moment));
}

/** Returns a moment by the clock of whoever looks, to the minute. */
export function hourText(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/** Returns a share of one core; a dash where it is not known. */
export function cpuText(millis: number | undefined | null): string {
  return shareText(millis === undefined || millis === null ? undefined : millis / 1000);
}

export function shareText(share: number | undefined): string {
  if (share === undefined) return '–';
  return `${share > 0 && share < 0.001 ? '<0.1' : (share * 100).toFixed(share < 0.0995 && share > 0 ? 1 : 0)} %`;
}

export function rateText(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.05) return '<0.1';
  return perSecond >= 9.95 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** Returns text for a shell that takes it as one word, whatever is in it; what is unseen is written out, as bash and zsh read it. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (text.search(unseen) < 0) return `'${text.replaceAll("'", `'\\''`)}'`;
  const written = text.replaceAll(/['\\]/g, '\\$&').replaceAll(unseen, codeOf);
  return `$'${written}'`;
}

function codeOf(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

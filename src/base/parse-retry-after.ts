/** Each of the three forms begins with a weekday, and is of GMT whether it says so or not. Date.parse alone takes `-5` for a date. */
function dateOf(value: string): number {
  return /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(value) ? Date.parse(`${value.replace(/ GMT$/, '')} GMT`) : NaN;
}

/**
 * Reads a Retry-After of seconds or a date, https://www.rfc-editor.org/rfc/rfc9110#name-retry-after.
 * @param nowMs the wall clock, as dates are of it
 * @returns for how many milliseconds from now; undefined where it says nothing that can be read
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : dateOf(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

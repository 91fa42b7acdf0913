/** Returns the answer of /healthz. */
export function healthOf(ready: boolean): { status: 200 | 503; body: string } {
  if (ready) return { status: 200, body: 'OK' };
  return { status: 503, body: 'starting: functions are being brought back, the log says what is waited for\n' };
}

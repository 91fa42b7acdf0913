export interface Health {
  status: 200 | 503;
  body: string;
}

export function healthOf(ready: boolean): Health {
  if (ready) return { status: 200, body: 'OK' };
  return { status: 503, body: 'starting: waiting for containerd, or functions are being brought back\n' };
}

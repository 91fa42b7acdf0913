import type { Provider } from '../../provider/index.ts';
import type { AlertHolds } from './alert-holds.ts';

interface HoldsOptions {
  provider: Pick<Provider, 'peers'>;
  holds: AlertHolds;
}

/**
 * Changes what alerts have added, for all gateways where there are several: an alert comes to any of them.
 * @param act changes it, maybe more than once
 * @throws Error where it could not be changed for all
 */
export async function changeHolds<T>({ provider: { peers }, holds }: HoldsOptions, act: () => T): Promise<T> {
  if (!peers) return act();
  const known = JSON.stringify(holds.kept());
  const changed: T[] = [];
  await peers.changeNote((note) => {
    holds.follow(note === '' ? known : note);
    changed.push(act());
    return JSON.stringify(holds.kept());
  });
  return changed.at(-1) as T;
}

import test from 'ava';
import { knownSettings } from '../../../../src/gateway/dashboard/browser/known-settings.ts';
import { capabilitiesOf, networkAllowOf, workloadOf } from '../../../../src/provider/index.ts';

/** What each can be refused for, where this is no value of it. */
const wrong: Record<string, string> = {
  'com.openfaas.ready.http.path': 'x'.repeat(3000),
  'com.openfaas.health.http.path': 'x'.repeat(3000),
};
const cron = { topic: 'cron-function', schedule: '* * * * *' };

/** What is said of a function with one setting that cannot be read. */
function saidOf(kind: 'labels' | 'annotations', name: string): string {
  const settings = { ...(kind === 'annotations' && cron), [name]: wrong[name] ?? '?!' };
  const deployment = { name: 'fn', namespace: 'fn', image: 'image', [kind]: settings };
  const said: string[] = [];
  for (const read of [capabilitiesOf, networkAllowOf]) {
    try {
      read(deployment);
    } catch (error) {
      said.push((error as Error).message);
    }
  }
  const { unreadable, scaling, schedule } = workloadOf(deployment);
  if (schedule?.body === '?!') said.push('schedule.body is read');
  // The time zone is told of as part of the schedule.
  return [...said, ...unreadable, ...scaling.warnings].join('\n').replace('time zone', 'timezone');
}

for (const { title, settings } of knownSettings) {
  for (const { kind, name, help, values = [] } of settings) {
    test(`${title}: ${name} is one that functions are read for`, (t) => {
      t.true(saidOf(kind, name).includes(name), saidOf(kind, name));
      t.regex(help, /^[A-Z0-9].*[^.]$|^\w+: /);
      for (const value of values) {
        const settings = { ...(kind === 'annotations' && cron), [name]: value };
        const { unreadable, scaling } = workloadOf({ name: 'fn', namespace: 'fn', image: 'image', [kind]: settings });
        t.deepEqual([...unreadable, ...scaling.warnings], [], value);
      }
    });
  }
}

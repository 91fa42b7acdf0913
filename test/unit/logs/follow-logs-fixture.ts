// A daemon that does nothing but follow one replica, to be killed at any moment: node follow-logs-fixture.ts DIR REPLICA
import { silentLog } from '../../../src/base/log.ts';
import { LogStore, type LogReplica } from '../../../src/logs/index.ts';

const [dir = '', replica = ''] = process.argv.slice(2);
const store = new LogStore({ dir, log: silentLog, journalSocket: `${dir}/no-journal` });
await store.start();
// Nothing of a store keeps a process alive, so something else has to.
setInterval(() => undefined, 60_000);
const { id, name, namespace } = JSON.parse(replica) as LogReplica;
await store.tails.follow({ id, name, namespace });
for await (const line of store.archive.query({ name, namespace, follow: true, tail: 0 }))
  process.stdout.write(`${line.text}\n`);

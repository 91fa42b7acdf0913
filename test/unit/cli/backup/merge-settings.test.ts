import test from 'ava';
import { mergeSettings } from '../../../../src/cli/backup/merge-settings.ts';

test('a restored host keeps its own queue: another host may still make the calls of the one in the backup', (t) => {
  const ofBackup = 'nats_url=nats://10.0.0.5\nnats_credentials=/etc/nats.creds\nnats_stream=one\nlog_level=debug\n';
  t.is(mergeSettings('', ofBackup, { withAddresses: true }), 'log_level=debug\n');
  t.is(
    mergeSettings('nats_url=nats://10.0.0.6\n', ofBackup, { withAddresses: false }),
    'nats_url=nats://10.0.0.6\nlog_level=debug\n',
  );
});

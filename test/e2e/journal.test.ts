import { randomBytes } from 'node:crypto';
import test from 'ava';
import { startJournald } from '../helpers/journald.ts';
import { watchdogImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { run } from '../helpers/processes.ts';
import { startCliHost, succeeded } from './setup.ts';

test("a function's lines are in the journal under its name", async (t) => {
  await using journald = await startJournald();
  // Of this run alone: the journal keeps what earlier runs wrote.
  const name = `diary-${randomBytes(4).toString('hex')}`;
  const identifier = `openfaas-fn:${name}`;
  const host = await startCliHost();
  try {
    const { cli, registry, berth } = host;
    const { reference: image } = await watchdogImage(registry);
    succeeded(await cli.run('deploy', '--image', image, '--name', name, '--fprocess', 'cat'));
    succeeded(await cli.runWith('hello', 'invoke', name));
    await until(async () =>
      (await journald.entries(identifier)).some(({ MESSAGE }) => /Wrote 5/.test(String(MESSAGE))),
    );
    const { stdout } = await run('journalctl', ['-t', identifier, '--output=cat']);
    t.regex(stdout, /Forking fprocess\.\n.*Wrote 5 Bytes/);

    await berth.kill('SIGKILL');
    await berth.start();
    succeeded(await cli.runWith('hello, again', 'invoke', name));
    await until(async () =>
      (await journald.entries(identifier)).some(({ MESSAGE }) => /Wrote 12/.test(String(MESSAGE))),
    );
    const again = (await run('journalctl', ['-t', identifier, '--output=cat'])).stdout;
    t.is(again.match(/Wrote 5 Bytes/g)?.length, 1, 'a daemon that comes back repeats no line');
    succeeded(await cli.run('remove', name));
  } finally {
    await host.stop();
  }
});

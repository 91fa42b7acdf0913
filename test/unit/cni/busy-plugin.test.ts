import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { open } from 'node:fs/promises';
import test from 'ava';
import { pluginFolder, target } from './plugins.ts';

// Alone in its file: it watches every process that this one starts.
test('a plugin that is being written is tried again until it can run', async (t) => {
  const folder = await pluginFolder(t);
  const writer = await open(await folder.plugin('one'), 'r+');
  let starts = 0;
  const onStart = () => {
    starts++;
    if (starts === 3) void writer.close();
  };
  subscribe('child_process', onStart);
  t.teardown(() => unsubscribe('child_process', onStart));
  const result = await folder.network(['one']).add(target);
  t.is(result['made'], 'one');
  t.true(starts >= 3);
  t.is((await folder.seen()).length, 1);
});

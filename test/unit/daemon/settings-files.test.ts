import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test from 'ava';
import { daemonSettings, readDaemonConfig } from '../../../src/daemon/config.ts';
import { settingsFiles } from '../../helpers/settings-files.ts';

test('the documents and the template of berth.env show the settings as the code has them', async (t) => {
  const files = await settingsFiles();
  for (const { path, text, wanted } of files) t.is(text, wanted, `${path} is out of date: npm run settings`);
  const shown = files.flatMap(({ text }) => text.match(/^<!-- settings:\w+ -->$/gm) ?? []);
  t.deepEqual(shown.sort(), ['<!-- settings:daemon -->', '<!-- settings:sdk -->']);
});

test('berth.env as it is installed, and with every # of a setting taken off, says what an empty environment says', async (t) => {
  const template = (await settingsFiles()).find(({ path }) => basename(path) === 'berth.env')?.text ?? '';
  t.deepEqual(template.match(/^[^#\n].*$/gm), null);
  const variables = [...template.matchAll(/^#(\w+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );
  t.deepEqual(
    variables.map(([name]) => name),
    Object.values(daemonSettings).map(({ name }) => name),
  );
  t.deepEqual(readDaemonConfig(Object.fromEntries(variables)), readDaemonConfig({}));
});

test('the defaults that the installer has of its own are the defaults of the settings', async (t) => {
  const installer = await readFile(join(import.meta.dirname, '../../../install.sh'), 'utf8');
  const asked = [...installer.matchAll(/\bsetting ([a-z_]+) ([^\s;)]+)[;)]/g)].map(
    ([, name, value]) => `${name}=${value}`,
  );
  const defaults = Object.values(daemonSettings).map((setting) => `${setting.name}=${setting.default}`);
  const { tcpPort } = readDaemonConfig({ mode: 'provider' });
  t.deepEqual(new Set(asked).difference(new Set(defaults)), new Set([`port=${tcpPort}`]));
  t.true(asked.includes('port=8080') && asked.includes('bind=0.0.0.0'), asked.join(' '));
});

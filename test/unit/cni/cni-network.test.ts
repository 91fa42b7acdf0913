import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { CniError, CniNetwork, parseConflist } from '../../../src/cni/index.ts';
import { until } from '../../helpers/poll.ts';
import { pluginFolder, succeed, target } from './plugins.ts';

const steps = (calls: { plugin: string; command: string }[]) => calls.map((call) => `${call.command} ${call.plugin}`);

test('ADD runs the plugins in order, each with the result of the one before', async (t) => {
  const folder = await pluginFolder(t);
  for (const type of ['one', 'two', 'three']) await folder.plugin(type);
  const result = await folder.network(['one', 'two', 'three']).add(target);
  const calls = await folder.seen();
  t.deepEqual(steps(calls), ['ADD one', 'ADD two', 'ADD three']);
  t.deepEqual(
    calls.map((call) => call.request.prevResult?.made),
    [undefined, 'one', 'two'],
  );
  t.is(result['made'], 'three');
});

test('DEL runs the plugins in reverse, each with the final result of ADD', async (t) => {
  const folder = await pluginFolder(t);
  for (const type of ['one', 'two']) await folder.plugin(type);
  const network = folder.network(['one', 'two']);
  await network.add(target);
  await network.del(target);
  const dels = (await folder.seen()).slice(2);
  t.deepEqual(steps(dels), ['DEL two', 'DEL one']);
  t.deepEqual(
    dels.map((call) => call.request.prevResult?.made),
    ['two', 'two'],
  );
});

test('a plugin gets the parameters of the spec, PATH, and its configuration with the name and version of the list', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  await folder.network(['one'], { extra: { mtu: 1400, capabilities: { portMappings: true } } }).add(target);
  const [call] = await folder.seen();
  t.is(call?.containerId, 'a');
  t.is(call?.netns, '/run/netns/a');
  t.is(call?.ifname, 'eth0');
  t.is(call?.cniPath, `${join(folder.root, 'none')}:${folder.binDir}`);
  t.regex(call?.path ?? '', /\/usr\/sbin/);
  t.deepEqual(call?.request, { type: 'one', mtu: 1400, name: 'net', cniVersion: '1.0.0' });
});

test('the result of ADD is kept in a file that only root reads, until DEL', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const network = folder.network(['one']);
  await network.add(target);
  t.deepEqual(await readdir(folder.cacheDir), ['net-a-eth0']);
  t.is((await stat(join(folder.cacheDir, 'net-a-eth0'))).mode & 0o777, 0o600);
  t.deepEqual(await folder.network(['one']).containerIds(), ['a']);
  t.is((await folder.network(['one']).result(target))?.['made'], 'one');
  await network.del(target);
  t.deepEqual(await readdir(folder.cacheDir), []);
  t.is(await network.result(target), undefined);
});

test('DEL uses the configuration of ADD, though the network was changed in between', async (t) => {
  const folder = await pluginFolder(t);
  for (const type of ['old', 'new']) await folder.plugin(type);
  await folder.network(['old']).add(target);
  await folder.network(['new']).del(target);
  t.deepEqual(steps(await folder.seen()), ['ADD old', 'DEL old']);
});

test('DEL without a result asks the plugins all the same', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  await folder.network(['one']).del({ containerId: 'a', interfaceName: 'eth0' });
  const [call] = await folder.seen();
  t.is(call?.command, 'DEL');
  t.is(call?.netns, '');
  t.false('prevResult' in (call?.request ?? {}));
});

test('a kept result that is cut short counts as absent', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const network = folder.network(['one']);
  await network.add(target);
  const file = join(folder.cacheDir, 'net-a-eth0');
  await writeFile(file, (await readFile(file, 'utf8')).slice(0, 40));
  t.is(await network.result(target), undefined);
  t.deepEqual(await network.containerIds(), []);
  await network.del(target);
  t.deepEqual(await readdir(folder.cacheDir), []);
});

test('a failed ADD carries what the plugin said and is followed by DEL of the whole chain', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const failure = `{"code":11,"msg":"try again","details":"busy"}`;
  await folder.plugin('two', `[ "$CNI_COMMAND" = DEL ] || { echo '${failure}'; exit 1; }`);
  const error = await t.throwsAsync(folder.network(['one', 'two']).add(target), { instanceOf: CniError });
  t.like(error, { plugin: 'two', command: 'ADD', code: 11, msg: 'try again', details: 'busy' });
  t.is(error?.message, 'CNI plugin two failed to ADD: try again; busy (code 11)');
  t.deepEqual(steps(await folder.seen()), ['ADD one', 'ADD two', 'DEL two', 'DEL one']);
});

test('a failed ADD whose DEL fails too says both', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one', `echo "{\\"code\\":100,\\"msg\\":\\"no $CNI_COMMAND\\"}"; exit 1`);
  const error = await t.throwsAsync(folder.network(['one']).add(target), { instanceOf: CniError });
  t.regex(error?.message ?? '', /no ADD.*undoing it failed as well.*no DEL/);
  t.true(error?.cause instanceof AggregateError);
});

test('a plugin that fails without an error object is quoted from stderr', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one', `[ "$CNI_COMMAND" = DEL ] || { echo oh no >&2; exit 3; }`);
  const error = await t.throwsAsync(folder.network(['one']).add(target), { instanceOf: CniError });
  t.like(error, { plugin: 'one', msg: 'exit code 3', details: 'oh no', code: undefined });
});

test('a result that is no JSON is an error and is undone', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one', 'echo hello');
  const error = await t.throwsAsync(folder.network(['one']).add(target), { instanceOf: CniError });
  t.regex(error?.message ?? '', /result is not valid.*hello/);
  t.deepEqual(steps(await folder.seen()), ['ADD one', 'DEL one']);
});

test('a failed DEL keeps the result, so that a later one finishes', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const network = folder.network(['one']);
  await network.add(target);
  await folder.plugin('one', 'exit 1');
  await t.throwsAsync(network.del(target), { instanceOf: CniError });
  await folder.plugin('one');
  await network.del(target);
  t.is((await folder.seen()).at(-1)?.request.prevResult?.made, 'one');
});

test('a second ADD is refused and leaves the first one alone', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const network = folder.network(['one']);
  await network.add(target);
  await t.throwsAsync(network.add(target), { instanceOf: CniError, message: /already: remove it first/ });
  t.deepEqual(steps(await folder.seen()), ['ADD one']);
  t.truthy(await network.result(target));
});

test('a plugin that is nowhere names the folders searched and the package to install', async (t) => {
  const folder = await pluginFolder(t);
  const error = await t.throwsAsync(folder.network(['bridge']).add(target), { instanceOf: CniError });
  t.true(error?.message.includes(`${join(folder.root, 'none')}, ${folder.binDir}`));
  t.regex(error?.message ?? '', /install the package containernetworking-plugins/);
});

test('a plugin that hangs is killed with what it started', async (t) => {
  const folder = await pluginFolder(t);
  const pidFile = join(folder.root, 'pid');
  await folder.plugin('one', `[ "$CNI_COMMAND" = DEL ] || { sleep 1000 & echo $! > '${pidFile}'; wait; }`);
  const error = await t.throwsAsync(folder.network(['one'], { timeoutMs: 3000 }).add(target), { instanceOf: CniError });
  t.regex(error?.message ?? '', /no answer within 3000 ms/);
  const pid = (await readFile(pidFile, 'utf8')).trim();
  const state = () => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone');
  // It closes its output a moment before it is gone.
  await until(async () => /gone|\) Z /.test(await state()), { message: 'what it started to end' });
});

test('operations for one container wait for each other, those for others do not', async (t) => {
  const folder = await pluginFolder(t);
  const gate = join(folder.root, 'gate');
  const wait = `if [ "$CNI_COMMAND-$CNI_CONTAINERID" = ADD-a ]; then while ! [ -e '${gate}' ]; do sleep 0.02; done; fi`;
  await folder.plugin('one', `${wait}\n${succeed('one')}`);
  const network = folder.network(['one']);
  const first = network.add(target);
  const second = network.del(target);
  await network.add({ ...target, containerId: 'b' });
  await network.del({ ...target, containerId: 'b' });
  const order = async () => (await folder.seen()).map((call) => `${call.command} ${call.containerId}`);
  t.false((await order()).includes('DEL a'));
  await writeFile(gate, '');
  await Promise.all([first, second]);
  t.is((await order()).at(-1), 'DEL a');
});

test('ids and interface names that are none are refused before a plugin runs', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const network = folder.network(['one']);
  for (const containerId of ['', '../a', '-a', 'a/b', 'a b']) {
    await t.throwsAsync(network.add({ ...target, containerId }), { instanceOf: CniError, message: /container id/ });
  }
  for (const interfaceName of ['', '..', 'a/b', 'a b', 'a'.repeat(16)]) {
    await t.throwsAsync(network.add({ ...target, interfaceName }), { instanceOf: CniError, message: /interface name/ });
  }
  t.deepEqual(await folder.seen(), []);
});

test('two networks that share a cache folder see only their own containers', async (t) => {
  const folder = await pluginFolder(t);
  await folder.plugin('one');
  const { binDir, cacheDir } = folder;
  const open = (name: string) => {
    const conflist = parseConflist(JSON.stringify({ cniVersion: '1.0.0', name, plugins: [{ type: 'one' }] }));
    return new CniNetwork({ conflist, binDirs: [binDir], cacheDir });
  };
  await open('n').add(target);
  await open('n-a').add({ ...target, containerId: 'b' });
  t.deepEqual(await open('n').containerIds(), ['a']);
  t.deepEqual(await open('n-a').containerIds(), ['b']);
});

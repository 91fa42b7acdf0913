/** Functions of install.sh by themselves, on folders of the test's own. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { runProgram } from '../../../src/base/run-program.ts';

const installer = path.join(import.meta.dirname, '../../../install.sh');

/** Runs a script in a folder, after some of the installer's functions; answers what it prints, or how it dies. */
async function runIn(folder: string, names: string[], script: string): Promise<string> {
  const text = await readFile(installer, 'utf8');
  const functions = names.map((name) => {
    const [found = ''] = new RegExp(`^${name}\\(\\) (?:\\{.*\\}$|[{(]\\n[^]*?^[})]$)`, 'm').exec(text) ?? [];
    return found;
  });
  const own = 'say() { echo "$*"; }\ndie() { echo "$*" && exit 1; }\nchanges() { :; }\n';
  const whole = `set -eu\ncd ${folder}\nconfig=${folder}\n${own}${functions.join('\n')}\n${script}`;
  const { stdout, stderr } = await runProgram('sh', { args: ['-c', whole] });
  return stdout + stderr;
}

async function newFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'installer-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

test('settings are read as the daemon has them, however they are written', async (t) => {
  const folder = await newFolder(t);
  const file = path.join(folder, 'berth.env');
  for (const written of ['port=90', 'port="90"', "port='90'", ' port = 90 ', 'port=90\r', 'port=80\nport="90"']) {
    await writeFile(file, `#port=8080\n${written}\n`);
    t.is(await runIn(folder, ['setting'], 'setting port 8080'), '90\n', JSON.stringify(written));
    await runIn(folder, ['setting', 'set_setting'], 'set_setting port 8090');
    t.is(parseEnv(await readFile(file, 'utf8'))['port'], '8090', JSON.stringify(written));
  }
  await writeFile(file, 'port=90\nport=""\n');
  t.is(await runIn(folder, ['setting'], 'setting port 8080'), '8080\n');
});

test('variables that berth would not start with are refused', async (t) => {
  const folder = await newFolder(t);
  const said = (variable: string) => runIn(folder, ['check_variables'], `${variable} check_variables`);
  t.is(await said('BERTH_PORT=65535 BERTH_SUBNET=10.9.0.0/16 BERTH_DATA_DIR=/srv/data'), '');
  for (const wrong of [
    'BERTH_PORT=http',
    'BERTH_PORT=0',
    'BERTH_PORT=65536',
    'BERTH_SUBNET=10.9.0.0',
    'BERTH_DATA_DIR=x',
  ])
    t.regex(await said(wrong), new RegExp(`^${wrong} is no `));
});

test('another data_dir on an installed host is warned of, as functions are not there', async (t) => {
  const folder = await newFolder(t);
  const move = (to: string) => runIn(folder, ['setting', 'set_setting', 'move_data'], `move_data ${to}`);
  await writeFile(path.join(folder, 'berth.env'), `data_dir=${folder}/data\n`);
  t.is(await move(`${folder}/empty`), '', 'nothing was there');
  await mkdir(path.join(folder, 'empty/functions'), { recursive: true });
  t.is(await move(`${folder}/empty/`), '', 'the same');
  t.regex(await move('/srv/new'), /^warning: data_dir was .*empty and is \/srv\/new from now on.*cp -a .*empty\/\. /);
  t.is(await runIn(folder, ['setting'], 'setting data_dir'), '/srv/new\n');
});

test('its memory is limited to a share of what a small host has', async (t) => {
  const folder = await newFolder(t);
  const limits = (megabytes: number) =>
    runIn(
      folder,
      ['memory_limit'],
      `memory_megabytes() { echo ${megabytes}; }; memory_limit 512 60; memory_limit 768 80`,
    );
  t.is(await limits(427), '60%\n80%\n');
  t.is(await limits(906), '512M\n80%\n');
  t.is(await limits(3800), '512M\n768M\n');
});

test('of a folder that others may use, only what berth has made is removed', async (t) => {
  const folder = await newFolder(t);
  const remove = (name: string, own: string) =>
    runIn(folder, ['remove_folder'], `remove_folder ${folder}/${name} ${folder}/${own} functions 'counts.json.*'`);
  const made = async (name: string) => {
    await mkdir(path.join(folder, name, 'functions'), { recursive: true });
    for (const file of ['counts.json.7', 'photo']) await writeFile(path.join(folder, name, file), '');
  };
  const left = () => readdir(folder, { recursive: true });

  await made('home/lambertha');
  t.is(await remove('home/lambertha', 'lib/berth'), `${folder}/home/lambertha stays, with what else is in it\n`);
  t.deepEqual((await left()).sort(), ['home', 'home/lambertha', 'home/lambertha/photo']);
  await symlink('../home/lambertha', path.join(folder, 'home/link'));
  await remove('home/link', 'home/link');
  t.true((await left()).includes('home/lambertha/photo'));
  await rm(path.join(folder, 'home/link'));

  await made('lib/berth');
  t.is(await remove('lib/berth', 'lib/berth'), '');
  t.is(await remove('lib/berth', 'lib/berth'), '');
  t.is(await runIn(folder, ['remove_folder'], 'remove_folder home home photo; remove_folder / / home'), '');
  t.deepEqual((await left()).sort(), ['home', 'home/lambertha', 'home/lambertha/photo', 'lib']);
});

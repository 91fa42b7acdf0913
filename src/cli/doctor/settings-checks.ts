import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentAs } from '../../base/absent-file.ts';
import { settingNames } from '../../daemon/index.ts';
import { fail, pass, readText, warn, type Check, type Finding } from './patient.ts';

export const settingsCheck: Check = {
  name: 'settings',
  async look(patient) {
    const { envFile, configProblems } = patient;
    const { start: restart } = await patient.service;
    const findings = configProblems.map((problem) => fail(problem, `sudoedit ${envFile}, then ${restart}`));
    const text = await readText({ root: '/' }, envFile);
    const lines = text?.split('\n') ?? [];
    findings.push(...lines.flatMap((line, index) => lineFindings(line, `${envFile}:${index + 1}`)));
    return findings.length > 0
      ? findings
      : pass(text === undefined ? `none are set: there is no ${envFile}` : `in ${envFile}`);
  },
};

/** What systemd reads as a variable, see systemd.exec(5). */
const assignment = /^([A-Za-z_]\w*)=/;

function lineFindings(line: string, place: string): Finding[] {
  const text = line.trim();
  if (text === '' || /^[#;]/.test(text)) return [];
  const [, name] = assignment.exec(text) ?? [];
  if (name === undefined)
    // Behind a sign of equality may be a secret.
    return [
      fail(
        `${place} is no NAME=value: ${JSON.stringify(text.replace(/=.*/s, '=…'))}`,
        `sudoedit ${place.replace(/:\d+$/, '')}`,
      ),
    ];
  const names = settingNames();
  if (names.includes(name)) return [];
  const near = names.find((known) => isNear(name.toLowerCase(), known));
  if (near !== undefined) return [warn(`${place}: there is no setting ${name}, is ${near} meant?`, `write ${near}=`)];
  // Capitals are for proxies, credential helpers and Node.js.
  if (!/^[a-z]/.test(name) || /_proxy$|^berth_/.test(name)) return [];
  return [warn(`${place}: there is no setting ${name}`, 'take the line out; docs/settings.md has them all')];
}

const mostEdits = 2;

/** Whether at most two letters are other, too many, missing or swapped. */
function isNear(one: string, other: string): boolean {
  let before = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...one].entries()) {
    const now = [row + 1];
    for (const [column, theirs] of [...other].entries()) {
      const changed = (before[column] ?? 0) + (letter === theirs ? 0 : 1);
      now.push(Math.min(changed, (before[column + 1] ?? 0) + 1, (now[column] ?? 0) + 1));
    }
    before = now;
  }
  return (before.at(-1) ?? Infinity) <= mostEdits;
}

const othersBits = 0o077;

export const passwordCheck: Check = {
  name: 'password',
  needsRoot: true,
  async look({ config, service }) {
    if (!config.enableBasicAuth) return warn('the API asks for no password (basic_auth=false)', 'set basic_auth=true');
    const { start: restart } = await service;
    const paths = ['basic-auth-user', 'basic-auth-password'].map((name) => join(config.secretMountPath, name));
    const findings = (await Promise.all(paths.map((path) => passwordFinding(path, restart)))).flat();
    return findings.length > 0 ? findings : pass(`in ${config.secretMountPath}, for root alone`);
  },
};

async function passwordFinding(path: string, restart: string): Promise<Finding[]> {
  const state = await stat(path).catch(absentAs(undefined));
  const source = path.endsWith('user') ? 'printf admin' : 'head -c 24 /dev/urandom | base64';
  const write = `sudo install -d -m 700 ${dirname(path)} && ${source} | sudo install -m 600 /dev/stdin ${path}`;
  if (!state) return [fail(`${path} is missing`, `${write} && ${restart}`)];
  if ((await readText({ root: '/' }, path))?.trim() === '') return [fail(`${path} is empty`, `${write} && ${restart}`)];
  if (path.endsWith('user') || (state.mode & othersBits) === 0) return [];
  return [fail(`${path} may be read by others (mode ${(state.mode & 0o777).toString(8)})`, `sudo chmod 600 ${path}`)];
}

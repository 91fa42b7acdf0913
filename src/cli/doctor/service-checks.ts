import { createConnection } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describeError } from '../../base/log.ts';
import { fail, hasSystemd, isThere, pass, readText, warn, type Check, type Finding } from './patient.ts';

/** More often than an update or two would. */
const manyRestarts = 5;

export const serviceCheck: Check = {
  name: 'service',
  async look(patient) {
    const service = await patient.service;
    const { keeper, state, isRunning, isEnabled, restarts = 0, lastWords } = service;
    const said = lastWords === undefined ? '' : `; its log says: ${lastWords}`;
    if (!isRunning && !((await patient.daemon) instanceof Error)) return pass('berth runs, though not as a service');
    if (!isRunning) return fail(`berth is ${state}${said}`, service.start);
    const findings: Finding[] = [];
    if (isEnabled === false) findings.push(warn('the next boot does not start it', 'sudo systemctl enable berth'));
    if (restarts > manyRestarts) {
      findings.push(
        warn(`was started again ${restarts} times since the boot${said}`, 'journalctl -u berth -p warning'),
      );
    }
    return findings.length > 0 ? findings : pass(`runs under ${keeper}`);
  },
};

export const daemonCheck: Check = {
  name: 'berth',
  async look(patient) {
    const view = await patient.daemon;
    if (view instanceof Error) {
      const { start: mend } = await patient.service;
      if (/invalid credentials/.test(view.message)) return fail('it knows another password than its files have', mend);
      return fail(describeError(view), mend);
    }
    const unwell = view.parts.filter(({ healthy }) => !healthy);
    const findings = unwell.map(({ name, problem = 'not well', mend }) =>
      fail(`${name}: ${problem}`, mend ?? 'journalctl -u berth -p warning -n 20'),
    );
    if (!view.ready) findings.push(warn('is starting: functions are being brought back', 'berth status'));
    const short = view.functions.filter(({ ready, wanted }) => ready < wanted).length;
    if (short > 0)
      findings.push(warn(`${short} of ${view.functions.length} functions are not ready`, 'sudo berth status'));
    return findings.length > 0
      ? findings
      : pass(`${view.release}: ${view.parts.length} parts and ${view.functions.length} functions are well`);
  },
};

export const nodeCheck: Check = {
  name: 'Node.js',
  async look({ folder }) {
    const text = (await readText({ root: '/' }, join(folder, 'package.json'))) ?? '{}';
    const { engines } = JSON.parse(text) as { engines?: { node?: string } };
    const [major = 0, minor = 0] =
      /(\d+)\.(\d+)/
        .exec(engines?.node ?? '')
        ?.slice(1)
        .map(Number) ?? [];
    const [ourMajor = 0, ourMinor = 0] = process.versions.node.split('.').map(Number);
    const found = `${process.version} at ${process.execPath}`;
    if (ourMajor > major || (ourMajor === major && ourMinor >= minor)) return pass(found);
    return fail(`${found} is too old: berth needs ${major}.${minor}`, 'sudo sh install.sh');
  },
};

const socketPath = 'run/systemd/journal/stdout';
const restartJournal = 'sudo systemctl restart systemd-journald';

export const journalCheck: Check = {
  name: 'journal',
  async look(patient) {
    if (!(await isThere(patient, socketPath))) {
      if (!(await hasSystemd(patient))) return pass('none on this host: berth keeps the lines of functions by itself');
      return warn('journald does not run: lines of functions are kept by berth alone', restartJournal);
    }
    const socket = createConnection(join(patient.root, socketPath));
    const error = await once(socket, 'connect', { signal: AbortSignal.timeout(5000) }).then(
      () => undefined,
      describeError,
    );
    socket.destroy();
    return error === undefined ? pass('takes lines') : warn(`journald takes no lines: ${error}`, restartJournal);
  },
};

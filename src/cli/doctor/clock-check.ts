import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, hasSystemd, pass, tool, warn, type Check, type Patient } from './patient.ts';

/** What registries' tokens and certificates bear. */
const mostOffMs = 5 * 60_000;

export const clockCheck: Check = {
  name: 'clock',
  async look(patient) {
    const mend = await clockMend(patient);
    const { mtimeMs: installedMs } = await stat(join(patient.folder, 'package.json'));
    if (Date.now() < installedMs - mostOffMs) {
      return fail(`it is ${new Date().toISOString()} here, before this berth was installed`, mend);
    }
    const asked = Date.now();
    const dates = (await patient.registries).flatMap(({ hosts }) => hosts.flatMap(({ date }) => date ?? []));
    const [offMs = 0] = dates.map((date) => date.getTime() - asked).sort((a, b) => Math.abs(b) - Math.abs(a));
    if (Math.abs(offMs) > mostOffMs) {
      return fail(
        `it is ${Math.round(Math.abs(offMs) / 1000)} s ${offMs > 0 ? 'behind' : 'ahead of'} a registry's`,
        mend,
      );
    }
    const isSynchronised = (await timedate(patient))['NTPSynchronized'] === 'yes';
    if (isSynchronised) return pass('synchronised');
    if (dates.length > 0) return pass(`within ${mostOffMs / 60_000} minutes of a registry's`);
    return warn('no time server keeps it, and no registry told the time', mend);
  },
};

async function timedate(patient: Patient): Promise<Partial<Record<string, string>>> {
  const shown = (await hasSystemd(patient)) ? await tool('timedatectl', ['show']) : undefined;
  const lines = shown?.stdout.split('\n') ?? [];
  return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
}

async function clockMend(patient: Patient): Promise<string> {
  const { CanNTP, NTP } = await timedate(patient);
  if (CanNTP === undefined) return 'sudo apt-get install chrony';
  if (CanNTP === 'no') return 'sudo apt-get install systemd-timesyncd && sudo timedatectl set-ntp true';
  return NTP === 'yes'
    ? 'timedatectl timesync-status; sudo systemctl restart systemd-timesyncd'
    : 'sudo timedatectl set-ntp true';
}

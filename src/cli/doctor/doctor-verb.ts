import { parseArgs } from 'node:util';
import { describeError } from '../../base/log.ts';
import { examineDaemonConfig } from '../../daemon/index.ts';
import { daemonView } from '../daemon-view.ts';
import { serviceFileOf } from '../service-environment.ts';
import { serviceState } from '../service-state.ts';
import { textTable } from '../text-table.ts';
import type { Cli, Verb } from '../verb.ts';
import type { Check, Finding, Patient } from './patient.ts';
import { clockCheck } from './clock-check.ts';
import { cniCheck } from './cni-check.ts';
import { containerdCheck, ociRuntimeCheck, snapshotterCheck } from './containerd-checks.ts';
import { diskCheck } from './disk-check.ts';
import { examine, type Row } from './examine.ts';
import { bridgeCheck, cgroupCheck, namespacesCheck, overlayfsCheck, seccompCheck } from './kernel-checks.ts';
import { limitsCheck, memoryCheck } from './limit-checks.ts';
import { natsCheck } from './nats-check.ts';
import { networkCheck, reachCheck } from './network-checks.ts';
import { portCheck } from './port-check.ts';
import { certificatesCheck, registryCheck } from './registry-checks.ts';
import { lookAtRegistries } from './registry-looks.ts';
import { daemonCheck, journalCheck, nodeCheck, serviceCheck } from './service-checks.ts';
import { passwordCheck, settingsCheck } from './settings-checks.ts';

const checks: Check[] = [
  ...[namespacesCheck, overlayfsCheck, bridgeCheck, seccompCheck, cgroupCheck, limitsCheck, memoryCheck],
  ...[containerdCheck, snapshotterCheck, ociRuntimeCheck, cniCheck],
  ...[settingsCheck, passwordCheck, nodeCheck, portCheck, serviceCheck, daemonCheck, journalCheck],
  ...[networkCheck, reachCheck, registryCheck, certificatesCheck, natsCheck, clockCheck, diskCheck],
];

const usage = `[--json]

Looks at all that berth needs of this host, and changes nothing: each requirement is PASS, WARN (functions can do without, or
it could not be looked at) or FAIL, with the commands that mend it. It needs neither berth nor containerd to run; as another
user than root it says what it could not look at.

Ends with 0 where nothing is FAIL, else with 1.`;

export const doctorVerb: Verb = {
  name: 'doctor',
  summary: 'look what is wrong with this host, and how to mend it',
  usage,
  bearsNoSettings: true,
  async run(args, cli) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    const rows = await examine(patientOf(cli), checks);
    const ok = rows.every(({ verdict }) => verdict !== 'fail');
    cli.stdout.write(values.json ? `${JSON.stringify({ ok, checks: rows })}\n` : textOf(rows));
    return ok ? 0 : 1;
  },
};

function patientOf({ env, envError, folder, signal }: Cli): Patient {
  const { config, problems } = examineDaemonConfig(env);
  const daemon = daemonView(config, signal).catch((error: unknown) =>
    error instanceof Error ? error : new Error(describeError(error)),
  );
  const patient = {
    root: '/',
    isRoot: process.getuid?.() === 0,
    config,
    configProblems: [...(envError ? [describeError(envError)] : []), ...problems],
    env,
    envFile: serviceFileOf(env),
    folder,
    signal,
    service: serviceState(folder),
    daemon,
  };
  const registries = lookAtRegistries(patient);
  return { ...patient, registries };
}

const words: Record<Finding['verdict'], string> = { pass: 'PASS', warn: 'WARN', fail: 'FAIL' };

function textOf(rows: Row[]): string {
  const count = (verdict: Finding['verdict']) => rows.filter((row) => row.verdict === verdict).length;
  const lines = rows.flatMap(({ verdict, check, found, mend }) => [
    [words[verdict], check, found],
    ...(mend === undefined ? [] : [['', '', `mend: ${mend}`]]),
  ]);
  return `${textTable(lines)}\n${count('fail')} failed, ${count('warn')} warnings, ${count('pass')} passed\n`;
}

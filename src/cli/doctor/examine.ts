import { describeError } from '../../base/log.ts';
import { fail, warn, type Check, type Finding, type Patient } from './patient.ts';

/** A finding, and which check it is of. */
export interface Row extends Finding {
  check: string;
}

/** Longer than what any check waits for by itself. */
const longestMs = 45_000;

/** Does all checks at once; one that hangs or breaks says so and keeps no other back. */
export async function examine(patient: Patient, checks: Check[], withinMs = longestMs): Promise<Row[]> {
  const rows = checks.map(async (check) => {
    const findings = await soon(look(check, patient), withinMs);
    return [findings].flat().map((finding) => ({ check: check.name, ...finding }));
  });
  return (await Promise.all(rows)).flat();
}

async function look(check: Check, patient: Patient): Promise<Finding | Finding[]> {
  if (check.needsRoot && !patient.isRoot) return warn('not looked at, as that needs root', 'sudo berth doctor');
  try {
    return await check.look(patient);
  } catch (error) {
    return fail(`could not be looked at: ${describeError(error)}`, 'journalctl -k -n 50');
  }
}

async function soon(looked: Promise<Finding | Finding[]>, withinMs: number): Promise<Finding | Finding[]> {
  const seconds = Math.round(withinMs / 1000);
  const found = `no answer within ${seconds} s: a disk, a network mount or a service of this host hangs`;
  const late = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => late.resolve(fail(found, 'journalctl -k -n 50')), withinMs);
  return Promise.race([looked, late.promise]).finally(() => clearTimeout(timer));
}

import test from 'ava';
import { pass, type Check } from '../../../../src/cli/doctor/patient.ts';
import { examine } from '../../../../src/cli/doctor/examine.ts';
import { patientWith } from './patient-with.ts';

const well: Check = { name: 'well', look: () => Promise.resolve(pass('as it should be')) };

test('a check that hangs or breaks is a failure, and keeps no other back', async (t) => {
  const hangs: Check = { name: 'hangs', look: () => new Promise(() => {}) };
  const breaks: Check = { name: 'breaks', look: () => Promise.reject(new Error('disk gone')) };
  const rows = await examine(await patientWith(t), [hangs, breaks, well], 50);
  t.deepEqual(
    rows.map(({ check, verdict }) => [check, verdict]),
    [
      ['hangs', 'fail'],
      ['breaks', 'fail'],
      ['well', 'pass'],
    ],
  );
  t.regex(rows[0]?.found ?? '', /no answer within/);
  t.is(rows[1]?.found, 'could not be looked at: disk gone');
});

test('another user than root is told what was not looked at', async (t) => {
  const rows = await examine(await patientWith(t, { isRoot: false }), [{ ...well, needsRoot: true }, well]);
  t.like(rows[0], { verdict: 'warn', mend: 'sudo berth doctor' });
  t.like(rows[1], { verdict: 'pass' });
});

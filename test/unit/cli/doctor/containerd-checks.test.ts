import test from 'ava';
import { containerdCheck } from '../../../../src/cli/doctor/containerd-checks.ts';
import { patientWith } from './patient-with.ts';

for (const [address, service] of [
  ['/run/k3s/containerd/absent.sock', 'k3s'],
  ['/run/docker/containerd/absent.sock', 'docker'],
] as const) {
  test(`the containerd of ${service} that is down is started by its service, not installed`, async (t) => {
    const files = { 'run/systemd/system/x': '' };
    const patient = await patientWith(t, { files, env: { containerd_address: address } });
    t.deepEqual(await containerdCheck.look(patient), {
      verdict: 'fail',
      found: `not running: nothing is at ${address}`,
      mend: `sudo systemctl enable --now ${service}; where its socket is elsewhere, set containerd_address in ${patient.envFile}`,
    });
  });
}

import test from 'ava';
import { UsedNames } from '../../../../../src/backends/containerd/images/used-names.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;
const used = new UsedNames([
  { image: 'app:1', digest },
  { image: 'localhost:5000/team/new' },
  { image: `ghcr.io/x/pinned@${digest}`, digest },
]);

for (const [record, isNeeded] of [
  ['docker.io/library/app:1', true],
  [`docker.io/library/app@${digest}`, true],
  [`docker.io/library/app@${other}`, false],
  ['docker.io/library/app:2', false],
  ['localhost:5000/team/new:latest', true],
  [`localhost:5000/team/new@${other}`, true],
  [`localhost:5000/team/newer@${other}`, false],
  [`ghcr.io/x/pinned@${digest}`, true],
  ['', false],
] as const) {
  test(`${record || 'a record without a name'} is ${isNeeded ? '' : 'not '}needed`, (t) => {
    t.is(used.has(record), isNeeded);
  });
}

import test from 'ava';
import { declaredLimits } from '../../../../../src/backends/containerd/replicas/declared-limits.ts';
import { buildSpec } from '../../../../../src/backends/containerd/runtime-spec/index.ts';
import { specInput } from '../runtime-spec/input.ts';

test("a replica's limits are those of its image where the deployment sets none", (t) => {
  const limitsWith = (Env: string[], envVars = {}) => {
    const spec = buildSpec(specInput({ envVars }, { imageConfig: { Cmd: ['fwatchdog'], Env } }));
    return declaredLimits({ spec });
  };
  t.like(limitsWith([]), { maxInflight: Infinity, drainMs: undefined, graceMs: undefined });
  t.like(limitsWith(['max_inflight=1', 'write_timeout=90s']), { maxInflight: 1, drainMs: 90_000, graceMs: undefined });
  t.like(limitsWith(['max_inflight=1', 'grace_period=5s'], { max_inflight: '3' }), { maxInflight: 3, graceMs: 5000 });
  // As the watchdog reads it, which does not know of the image's value any more.
  t.is(limitsWith(['max_inflight=1'], { max_inflight: 'many' }).maxInflight, Infinity);
});

test('a container record of somebody else has no limits', (t) => {
  t.is(declaredLimits({ spec: {} }).maxInflight, Infinity);
});

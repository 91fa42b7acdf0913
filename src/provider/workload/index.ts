export { hasScalingLabel, scalingRule } from './scaling-rule.ts';
export type { LoadRule, LoadType, ReplicaRange, ScalingRule } from './scaling-rule.ts';

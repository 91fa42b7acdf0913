export { checkWorkload, clampReplicas, functionPort, workloadOf, type Workload } from './workload.ts';
export { hasScalingLabel, type LoadRule, type ReplicaRange, type ScalingRule } from './scaling-rule.ts';
export type { Schedule } from './schedule.ts';
export type { ScheduleRule } from './schedule-rule.ts';
export { defaultRetry, type AsyncRule, type RetryRule } from './async-rule.ts';
export { probeKeys, type ProbeSettings } from './probes.ts';
export { parseDnsSearch, parseDnsServers, searchForm, serversForm, type Dns } from './dns.ts';
export { callLimitsOf, type CallLimits } from './call-limits.ts';
export { capabilitiesAnnotation, capabilitiesOf, grantableCapabilities } from './capabilities.ts';
export { pullPolicies, type PullPolicy } from './pull-policy.ts';
export { resourcesOf, type ResourceAmounts } from './resources.ts';
export {
  checkNetworkAllow,
  formatNetworkTarget,
  isWithin,
  networkAllowOf,
  parseNetworkTargets,
  type NetworkTarget,
} from './network-allow.ts';

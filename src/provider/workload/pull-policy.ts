/**
 * When an image is pulled: at each deploy, only when it is not there, or not at all.
 * Source: https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
 */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const satisfies PullPolicy[];

/** Reads the annotation `com.openfaas.image.pull-policy`; undefined when it names no policy. */
export function pullPolicyOf(annotations: Record<string, string>): PullPolicy | undefined {
  return pullPolicies.find((policy) => policy === annotations['com.openfaas.image.pull-policy']);
}

/**
 * When an image is pulled, as the annotation `com.openfaas.image.pull-policy` may say: at each deploy, only when it is not there, or not at all.
 * Source: https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
 */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const satisfies PullPolicy[];

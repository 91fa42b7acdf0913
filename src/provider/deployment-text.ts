import type { FunctionDeployment } from './types.ts';

/**
 * Writes a deployment so that two which ask for the same are the same text: fields in one order, none that are empty. What
 * else a status has is left out.
 */
export function deploymentText(deployment: FunctionDeployment): string {
  const { name, namespace, image, envProcess, envVars, constraints, secrets, labels, annotations } = deployment;
  const { limits, requests, readOnlyRootFilesystem } = deployment;
  const fields = { name, namespace, image, envProcess, constraints, secrets, readOnlyRootFilesystem };
  const maps = { envVars, labels, annotations, limits, requests };
  const all = { ...fields, ...Object.fromEntries(Object.entries(maps).map(([key, map]) => [key, inOrder(map)])) };
  return JSON.stringify(all, (_, value: unknown) => (isNothing(value) ? undefined : value));
}

function inOrder(map: object = {}): object {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isNothing(value: unknown): boolean {
  if (value === false || value === undefined) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

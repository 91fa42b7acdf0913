import { BadRequestError, quote, type FunctionDeployment } from '../../provider/index.ts';

const constraintPattern = /^\s*([^\s=!]+)\s*={1,2}\s*([^\s=!]+)\s*$/;

/**
 * Makes of constraints such as `kubernetes.io/arch=arm64` the labels that a node must have; undefined for none.
 * @throws BadRequestError for one that is written otherwise
 */
export function nodeSelectorOf({ constraints = [] }: FunctionDeployment): Record<string, string> | undefined {
  if (constraints.length === 0) return undefined;
  return Object.fromEntries(constraints.map(labelOf));
}

function labelOf(constraint: string): [key: string, value: string] {
  const [, key, value] = constraintPattern.exec(constraint.slice(0, 512)) ?? [];
  if (key !== undefined && value !== undefined) return [key, value];
  throw new BadRequestError(
    `constraint ${quote(constraint)} cannot be read: write a label of nodes, such as kubernetes.io/arch=arm64`,
  );
}

import type { StackView } from '../gateway/index.ts';
import {
  BadRequestError,
  type FunctionDeployment,
  type FunctionStatus,
  type Provider,
  type Route,
} from '../provider/index.ts';
import { planApply, readSentStack } from '../stack/index.ts';

/**
 * Makes the route that reads a stack file which the caller sends, as `{stack: TEXT}`, and answers what a deployment of each of its
 * functions would be: a StackView. Nothing is deployed.
 */
export function stackRoute(provider: Provider): Route {
  return {
    method: 'POST',
    path: '/system/stack',
    async handler(ctx) {
      const { stack } = ctx.request.body as { stack?: unknown };
      if (typeof stack !== 'string') throw new BadRequestError('stack is missing: send the text of a stack.yml');
      const { functions, problems, warnings } = await readSentStack(stack, ctx.state.defaultNamespace);
      const present = await presentOf(
        provider,
        functions.map(({ deployment }) => deployment),
      );
      const steps = planApply(functions, present.functions);
      ctx.body = {
        functions: steps.flatMap(({ action, wanted }) =>
          wanted ? [{ isNew: action === 'added', isSame: action === 'unchanged', ...wanted }] : [],
        ),
        problems: [...problems, ...present.problems],
        warnings,
      } satisfies StackView;
    },
  };
}

/** Lists the functions of each namespace that is named; one that is not there is a problem. */
async function presentOf(provider: Provider, deployments: FunctionDeployment[]) {
  const functions: FunctionStatus[] = [];
  const problems: string[] = [];
  const there = await provider.namespaces?.list();
  for (const namespace of new Set(deployments.map((deployment) => deployment.namespace))) {
    if (there?.includes(namespace) ?? true) functions.push(...(await provider.list(namespace)));
    else problems.push(`namespace ${namespace} is not there: create it first`);
  }
  return { functions, problems };
}

/** What every back end of the OpenFaaS API does alike, as plain functions: run them with the test framework that you have. */
import { ContractApi } from './contract-api.ts';
import type { ContractCase, ContractTarget, OptionalVerb } from './contract-target.ts';
import { deployCases } from './deploy-cases.ts';
import { errorCases } from './error-cases.ts';
import { logCases } from './log-cases.ts';
import { hostCases, pullsCases, replicasCases, restartCases } from './looking-cases.ts';
import { namespaceCases } from './namespace-cases.ts';
import { readCases } from './read-cases.ts';
import { removeCases } from './remove-cases.ts';
import { rollBackCases } from './roll-back-cases.ts';
import { scaleCases } from './scale-cases.ts';
import { secretCases } from './secret-cases.ts';
import { updateCases } from './update-cases.ts';

export type { ContractCase, ContractTarget };

/** A route of each verb that a back end may be without, and its cases. */
const optional: [verb: OptionalVerb, method: string, path: string, cases: (api: ContractApi) => ContractCase[]][] = [
  ['logs', 'GET', '/system/logs?name=any', logCases],
  ['secrets', 'GET', '/system/secrets', secretCases],
  ['namespaces', 'GET', '/system/namespaces', namespaceCases],
  ['rollBack', 'POST', '/system/rollback-function/any', rollBackCases],
  ['restart', 'POST', '/system/restart-function/any', restartCases],
  ['replicas', 'GET', '/system/function/any/replicas', replicasCases],
  ['pulls', 'GET', '/system/pulls', pullsCases],
  ['host', 'GET', '/system/host', hostCases],
];

/**
 * Returns the cases that hold for a back end. Each makes functions of its own and takes them away, so that several may run at
 * once, and beside others' functions.
 */
export function contractCases(target: ContractTarget): ContractCase[] {
  const api = new ContractApi(target);
  const always = [deployCases, updateCases, removeCases, readCases, scaleCases, errorCases];
  return [
    ...always.flatMap((cases) => cases(api)),
    ...optional.flatMap(([verb, method, path, cases]) =>
      target.lacks?.includes(verb) ? [notThere(api, verb, method, path)] : cases(api),
    ),
  ];
}

function notThere(api: ContractApi, verb: OptionalVerb, method: string, path: string): ContractCase {
  return {
    verb,
    title: 'what the back end does not have is 501',
    run: async () => void (await api.expect(501, method, path, method === 'POST' ? {} : undefined)),
  };
}

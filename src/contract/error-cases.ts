import assert from 'node:assert/strict';
import type { ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

const routes: [method: string, path: string][] = [
  ['GET', '/system/functions'],
  ['POST', '/system/functions'],
  ['GET', '/system/function/any'],
  ['GET', '/system/info'],
  ['GET', '/metrics'],
];

/** What is the same whatever the verb. */
export function errorCases(api: ContractApi): ContractCase[] {
  const verb = 'any';
  return [
    ...ofPassword(api),
    {
      verb,
      title: 'an address that is nothing is 404',
      run: async () => void (await api.expect(404, 'GET', '/system/nothing-is-here')),
    },
    {
      verb,
      title: 'a call of a function that is not there is not answered 200',
      async run() {
        const { status } = await api.invoke('contract-none');
        assert.equal(status, api.target.isGateway ? 404 : 503);
      },
    },
    {
      verb,
      title: 'whether it is well is told without the password',
      async run() {
        const { status } = await api.call('GET', '/healthz', undefined, { Authorization: 'none' });
        assert.equal(status, 200);
      },
    },
  ];
}

function ofPassword(api: ContractApi): ContractCase[] {
  const { credentials } = api.target;
  if (!credentials) return [];
  const wrong = Buffer.from(`${credentials.user}:not-${credentials.password}`).toString('base64');
  return routes.map(([method, path]) => ({
    verb: 'any',
    title: `${method} ${path} asks for the password`,
    async run() {
      for (const Authorization of ['none', `Basic ${wrong}`])
        assert.equal((await api.call(method, path, undefined, { Authorization })).status, 401);
    },
  }));
}

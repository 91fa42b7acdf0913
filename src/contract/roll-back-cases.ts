import type { ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** POST /system/rollback-function/NAME */
export function rollBackCases(api: ContractApi): ContractCase[] {
  const verb = 'rollBack';
  return [
    {
      verb,
      title: 'the version before the last update serves again',
      async run() {
        await using fn = await api.deployed({ labels: { version: 'first' } });
        await api.update(fn, { labels: { version: 'second' } });
        await api.until('the update', async () => (await fn.status()).labels.version === 'second');
        await api.expect(202, 'POST', `/system/rollback-function/${fn.name}`, { namespace: fn.namespace });
        await api.until('the roll back', async () => (await fn.status()).labels.version === 'first');
        await api.answers(fn.fullName);
      },
    },
    {
      verb,
      title: 'a function that was never updated is 409, one that is not there 404',
      async run() {
        await using fn = await api.deployed();
        await api.expect(409, 'POST', `/system/rollback-function/${fn.name}`, { namespace: fn.namespace });
        await api.expect(404, 'POST', '/system/rollback-function/contract-none', { namespace: api.namespace });
      },
    },
  ];
}

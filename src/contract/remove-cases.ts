import assert from 'node:assert/strict';
import type { ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** DELETE /system/functions */
export function removeCases(api: ContractApi): ContractCase[] {
  const verb = 'remove';
  const { isGateway } = api.target;
  return [
    {
      verb,
      title: 'what was removed is in no list, has no status and takes no calls',
      async run() {
        await using fn = await api.deployed();
        await api.answers(fn.fullName);
        assert.equal((await fn.remove()).status, 202);
        await api.expect(404, 'GET', `/system/function/${fn.name}?namespace=${fn.namespace}`);
        assert.ok((await api.list()).every(({ name }) => name !== fn.name));
        assert.equal((await api.invoke(fn.fullName)).status, isGateway ? 404 : 503);
      },
    },
    {
      verb,
      title: 'its name may be deployed again at once, and the new function answers',
      async run() {
        await using fn = await api.deployed({ labels: { life: 'first' } });
        assert.equal((await fn.remove()).status, 202);
        await api.until('the name', async () => {
          const again = api.deployment({ service: fn.name, labels: { life: 'second' } });
          return (await api.call('POST', '/system/functions', again)).status === 202;
        });
        await fn.ready(1);
        assert.equal((await fn.status()).labels.life, 'second');
        await api.answers(fn.fullName);
      },
    },
    {
      verb,
      title: 'a function that is not there is 404',
      async run() {
        await api.expect(404, 'DELETE', '/system/functions', {
          functionName: 'contract-none',
          namespace: api.namespace,
        });
      },
    },
  ];
}

import assert from 'node:assert/strict';
import { DeployedFunction, type ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** PUT /system/functions */
export function updateCases(api: ContractApi): ContractCase[] {
  const verb = 'update';
  return [
    {
      verb,
      title: 'what was not sent is gone, and the function answers on',
      async run() {
        await using fn = await api.deployed({ labels: { old: 'yes' }, envVars: { OLD: 'yes' } });
        await api.update(fn, { labels: { new: 'yes' } });
        await api.until('the new labels', async () => (await fn.status()).labels.new === 'yes');
        const { labels, envVars = {} } = await fn.status();
        assert.deepEqual([labels.old, envVars.OLD], [undefined, undefined]);
        await api.answers(fn.fullName);
      },
    },
    {
      verb,
      title: 'replicas stay as many as they were',
      async run() {
        await using fn = await api.deployed();
        await fn.scale(2);
        await fn.ready(2);
        await api.update(fn, { labels: { new: 'yes' } });
        await api.until('the new labels', async () => (await fn.status()).labels.new === 'yes');
        assert.equal((await fn.status()).replicas, 2);
      },
    },
    api.target.isGateway ? creating(api) : unknown(api),
    ...ofMissingImage(api),
  ];
}

/** What keeps a list of functions only ever says PUT. */
function creating(api: ContractApi): ContractCase {
  return {
    verb: 'update',
    title: 'a function that is not there is created',
    async run() {
      const deployment = api.deployment();
      await using fn = new DeployedFunction(api, deployment.service, api.namespace);
      await api.expect([200, 202], 'PUT', '/system/functions', deployment);
      await fn.ready(1);
    },
  };
}

/** At 404 a gateway in front creates it. */
function unknown(api: ContractApi): ContractCase {
  return {
    verb: 'update',
    title: 'a function that is not there is 404',
    run: async () => void (await api.expect(404, 'PUT', '/system/functions', api.deployment())),
  };
}

function ofMissingImage(api: ContractApi): ContractCase[] {
  const image = api.target.missingImage;
  if (image === undefined) return [];
  return [
    {
      verb: 'update',
      title: 'where the new version cannot start the old one answers on, and the status says why',
      async run() {
        await using fn = await api.deployed();
        const { name: service } = fn;
        const { status } = await api.expect([202, 400], 'PUT', '/system/functions', api.deployment({ service, image }));
        await api.answers(fn.fullName);
        if (status === 400) return;
        await api.until('a reason', async () => {
          const { reason = '', failedUpdate = '' } = (await fn.status()).berth ?? {};
          return /image|pull/i.test(reason + failedUpdate);
        });
        await api.answers(fn.fullName);
      },
    },
  ];
}

import assert from 'node:assert/strict';
import type { HostFacts, PullProgress, ReplicaStatus } from '../provider/index.ts';
import type { ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** POST /system/restart-function/NAME */
export function restartCases(api: ContractApi): ContractCase[] {
  const verb = 'restart';
  const { namespace } = api;
  return [
    {
      verb,
      title: 'a function that is restarted is what it was, and answers',
      async run() {
        await using fn = await api.deployed({ labels: { version: 'first' } });
        await api.expect(202, 'POST', `/system/restart-function/${fn.name}`, { namespace });
        await api.answers(fn.fullName);
        assert.equal((await fn.status()).labels.version, 'first');
      },
    },
    {
      verb,
      title: 'a function that is not there is 404',
      run: async () => void (await api.expect(404, 'POST', '/system/restart-function/contract-none', { namespace })),
    },
  ];
}

/** GET /system/function/NAME/replicas */
export function replicasCases(api: ContractApi): ContractCase[] {
  const verb = 'replicas';
  const query = `?namespace=${api.namespace}`;
  return [
    {
      verb,
      title: 'a function that answers has a replica that is ready',
      async run() {
        await using fn = await api.deployed();
        await api.answers(fn.fullName);
        const replicas = await api.read<ReplicaStatus[]>(`/system/function/${fn.name}/replicas${query}`);
        assert.ok(replicas.some(({ state }) => state === 'ready'));
        for (const { id, generation, restarts } of replicas) assert.ok(id && generation && restarts >= 0);
      },
    },
    {
      verb,
      title: 'a function that is not there is 404',
      run: async () => void (await api.expect(404, 'GET', `/system/function/contract-none/replicas${query}`)),
    },
  ];
}

/** GET /system/pulls */
export function pullsCases(api: ContractApi): ContractCase[] {
  const run = async () => {
    for (const { image, bytes, totalBytes } of await api.read<PullProgress[]>('/system/pulls'))
      assert.ok(image && bytes >= 0 && totalBytes >= 0);
  };
  return [{ verb: 'pulls', title: 'what is being pulled is told with bytes', run }];
}

/** GET /system/host */
export function hostCases(api: ContractApi): ContractCase[] {
  const run = async () => {
    const { hostname, cpus, load, memoryBytes, freeMemoryBytes } = await api.read<HostFacts>('/system/host');
    assert.ok(hostname && cpus >= 1 && load.length === 3);
    assert.ok(freeMemoryBytes <= memoryBytes);
  };
  return [{ verb: 'host', title: 'the host is told with its load and memory', run }];
}

import assert from 'node:assert/strict';
import type { ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

interface Info {
  name?: string;
  provider?: { provider?: string; orchestration?: string } | string;
}

/** The verbs `list`, `status` and `info`. */
export function readCases(api: ContractApi): ContractCase[] {
  return [
    {
      verb: 'list',
      title: 'every function is told once, by itself and in the list alike',
      async run() {
        await using one = await api.deployed();
        await using other = await api.deployed();
        const listed = (await api.list()).filter(({ name }) => name === one.name || name === other.name);
        assert.deepEqual(listed.map(({ name }) => name).sort(), [one.name, other.name].sort());
        const { image, replicas, namespace } = await one.status();
        assert.deepEqual(
          { image, replicas, namespace },
          { image: api.target.image, replicas: 1, namespace: api.namespace },
        );
      },
    },
    {
      verb: 'list',
      title: 'the namespace of functions is the one that a request means which names none',
      async run() {
        await using fn = await api.deployed();
        const listed = await api.read<{ name: string }[]>('/system/functions');
        assert.ok(listed.some(({ name }) => name === fn.name));
        await api.read(`/system/function/${fn.name}`);
      },
    },
    {
      verb: 'status',
      title: 'a function that is not there is 404',
      run: async () => void (await api.expect(404, 'GET', '/system/function/contract-none')),
    },
    {
      verb: 'status',
      title: 'usage may be asked for',
      async run() {
        await using fn = await api.deployed();
        await api.read(`/system/function/${fn.name}?namespace=${fn.namespace}&usage=1`);
      },
    },
    {
      verb: 'info',
      title: 'who provides is said',
      async run() {
        const { provider } = await api.read<Info>('/system/info');
        const name = typeof provider === 'string' ? provider : provider?.provider;
        assert.ok(name, 'it has no name');
      },
    },
  ];
}

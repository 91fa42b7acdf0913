import assert from 'node:assert/strict';
import { freshName, type ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** /system/namespaces and /system/namespace/NAME */
export function namespaceCases(api: ContractApi): ContractCase[] {
  const verb = 'namespaces';
  return [
    {
      verb,
      title: 'a namespace is created, listed, told, replaced and removed',
      async run() {
        const name = freshName('contract');
        const at = `/system/namespace/${name}`;
        const names = () => api.read<string[]>('/system/namespaces');
        await api.expect([200, 201], 'POST', '/system/namespace/', { name, labels: { team: 'a' } });
        assert.ok((await names()).includes(name));
        assert.ok((await names()).includes(api.namespace));
        await api.expect(409, 'POST', '/system/namespace/', { name });
        assert.equal((await api.read<{ labels: Record<string, string> }>(at)).labels.team, 'a');
        await api.expect([200, 202], 'PUT', at, { name, labels: { team: 'b' } });
        assert.equal((await api.read<{ labels: Record<string, string> }>(at)).labels.team, 'b');
        await api.expect([200, 202], 'DELETE', at, { name });
        await api.until('the namespace to be gone', async () => !(await names()).includes(name));
        await api.expect(404, 'GET', at);
      },
    },
    {
      verb,
      title: 'functions of one name in two namespaces are two functions',
      async run() {
        const namespace = freshName('contract');
        await api.expect([200, 201], 'POST', '/system/namespace/', { name: namespace });
        {
          await using fn = await api.deployed();
          await using other = await api.deployed({ service: fn.name, namespace });
          await Promise.all([api.answers(fn.fullName), api.answers(other.fullName)]);
          assert.deepEqual(
            (await api.list(namespace)).map(({ name }) => name),
            [fn.name],
          );
          await other.remove();
          await api.answers(fn.fullName);
        }
        await api.until('the namespace to be free', async () => {
          const { status } = await api.call('DELETE', `/system/namespace/${namespace}`, { name: namespace });
          return status !== 409;
        });
      },
    },
    {
      verb,
      title: 'a namespace that is not there is 400 for a deployment, and refused else',
      async run() {
        const namespace = freshName('contract');
        await api.expect(400, 'POST', '/system/functions', api.deployment({ namespace }));
        await api.expect([400, 404], 'GET', `/system/functions?namespace=${namespace}`);
        await api.expect(404, 'GET', `/system/namespace/${namespace}`);
      },
    },
  ];
}

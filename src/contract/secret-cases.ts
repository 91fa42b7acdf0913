import assert from 'node:assert/strict';
import { freshName, type ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

const path = '/system/secrets';

/** /system/secrets */
export function secretCases(api: ContractApi): ContractCase[] {
  const verb = 'secrets';
  const { namespace } = api;
  return [
    {
      verb,
      title: 'a secret is created, listed without its value, replaced and removed',
      async run() {
        const secret = { name: freshName('secret'), namespace, value: 'hidden-value' };
        await api.expect([200, 201, 202], 'POST', path, secret);
        const { text } = await api.expect(200, 'GET', `${path}?namespace=${namespace}`);
        assert.ok(text.includes(secret.name), text);
        assert.ok(!text.includes(secret.value), 'the value is told');
        await api.expect(409, 'POST', path, secret);
        await api.expect([200, 202], 'PUT', path, { ...secret, value: 'another' });
        await api.expect([200, 202], 'DELETE', path, { name: secret.name, namespace });
        await api.expect(404, 'DELETE', path, { name: secret.name, namespace });
      },
    },
    {
      verb,
      title: 'a secret that is not there cannot be replaced: 404',
      async run() {
        await api.expect(404, 'PUT', path, { name: freshName('secret'), namespace, value: 'x' });
      },
    },
    {
      verb,
      title: 'a function that wants a secret that is not there is 400',
      async run() {
        await api.expect(400, 'POST', '/system/functions', api.deployment({ secrets: [freshName('secret')] }));
      },
    },
    ...ofFiles(api),
  ];
}

function ofFiles(api: ContractApi): ContractCase[] {
  const { filePath } = api.target;
  if (!filePath) return [];
  return [
    {
      verb: 'secrets',
      title: 'a function reads its secret as a file, every byte of it',
      async run() {
        const name = freshName('secret');
        const value = 'two\nlines, and no end of line';
        await api.expect([200, 201, 202], 'POST', path, { name, namespace: api.namespace, value });
        await using fn = await api.deployed({ secrets: [name] });
        assert.equal((await api.invoke(fn.fullName, filePath(`/var/openfaas/secrets/${name}`))).text, value);
        assert.deepEqual((await fn.status()).secrets, [name]);
        await fn.remove();
        await api.until('the secret to be free', async () => {
          const { status } = await api.call('DELETE', path, { name, namespace: api.namespace });
          return status === 200 || status === 202;
        });
      },
    },
  ];
}

import assert from 'node:assert/strict';
import type { ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** POST /system/scale-function/NAME, to zero and back too. */
export function scaleCases(api: ContractApi): ContractCase[] {
  const verb = 'scale';
  return [
    {
      verb,
      title: 'as many replicas take calls as were asked for, up and down',
      async run() {
        await using fn = await api.deployed();
        await fn.scale(3);
        await fn.ready(3);
        await fn.scale(1);
        await fn.ready(1);
        await api.answers(fn.fullName);
      },
    },
    {
      verb,
      title: 'a function at 0 stays deployed and answers when it is scaled up again',
      async run() {
        await using fn = await api.deployed();
        await fn.scale(0);
        await fn.ready(0);
        assert.ok((await api.list()).some(({ name }) => name === fn.name));
        await fn.scale(1);
        await fn.ready(1);
        await api.answers(fn.fullName);
      },
    },
    api.target.isGateway ? waking(api) : sleeping(api),
    {
      verb,
      title: 'a number is kept within the labels com.openfaas.scale.min and max',
      async run() {
        const labels = { 'com.openfaas.scale.min': '1', 'com.openfaas.scale.max': '2' };
        await using fn = await api.deployed({ labels });
        await fn.scale(5);
        await fn.ready(2);
      },
    },
    {
      verb,
      title: 'a function that is not there is 404',
      async run() {
        const body = { serviceName: 'contract-none', replicas: 1 };
        await api.expect(404, 'POST', '/system/scale-function/contract-none', body);
      },
    },
    ...[-1, 1.5, 'two'].map((replicas) => ({
      verb,
      title: `${replicas} replicas are 400`,
      async run() {
        await using fn = await api.deployed();
        const { name: serviceName, namespace } = fn;
        await api.expect(400, 'POST', `/system/scale-function/${serviceName}`, { serviceName, namespace, replicas });
      },
    })),
  ];
}

function waking(api: ContractApi): ContractCase {
  return {
    verb: 'scale',
    title: 'calls of a function at 0 wake it, and every one is answered',
    async run() {
      await using fn = await api.deployed();
      await fn.scale(0);
      await fn.ready(0);
      const answers = await Promise.all(Array.from({ length: 10 }, () => api.invoke(fn.fullName)));
      assert.deepEqual(
        answers.map(({ status, text }) => `${status} ${text}`),
        Array.from({ length: 10 }, () => '200 hello'),
      );
    },
  };
}

function sleeping(api: ContractApi): ContractCase {
  return {
    verb: 'scale',
    title: 'a call of a function at 0 is 503: it is the gateway in front that wakes it',
    async run() {
      await using fn = await api.deployed();
      await fn.scale(0);
      await fn.ready(0);
      assert.equal((await api.invoke(fn.fullName)).status, 503);
    },
  };
}

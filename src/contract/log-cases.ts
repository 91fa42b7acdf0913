import assert from 'node:assert/strict';
import { freshName, type ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

interface Line {
  name: string;
  namespace: string;
  instance: string;
  timestamp: string;
  text: string;
}

/** GET /system/logs */
export function logCases(api: ContractApi): ContractCase[] {
  const verb = 'logs';
  return [
    ...ofLines(api),
    {
      verb,
      title: 'a function that is not there is 404',
      run: async () => void (await api.expect(404, 'GET', '/system/logs?name=contract-none&follow=false')),
    },
  ];
}

function ofLines(api: ContractApi): ContractCase[] {
  const { logPath } = api.target;
  if (!logPath) return [];
  const lines = async (name: string, query = ''): Promise<Line[]> => {
    const path = `/system/logs?name=${name}&namespace=${api.namespace}&follow=false${query}`;
    const { text } = await api.expect(200, 'GET', path);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  };
  return [
    {
      verb: 'logs',
      title: 'what a function writes is told with its name, its replica and its time; `tail` gives the last lines',
      async run() {
        await using fn = await api.deployed();
        const [first, second] = [freshName('first'), freshName('second')];
        for (const text of [first, second]) assert.equal((await api.invoke(fn.fullName, logPath(text))).status, 200);
        await api.until('the lines', async () => (await lines(fn.name)).some(({ text }) => text.includes(second)));
        const all = await lines(fn.name);
        const line = all.find(({ text }) => text.includes(first));
        assert.deepEqual([line?.name, line?.namespace], [fn.name, fn.namespace]);
        assert.ok(line?.instance);
        assert.ok(Number.isFinite(Date.parse(line.timestamp)), line.timestamp);
        assert.equal((await lines(fn.name, '&tail=1')).length, 1);
        assert.deepEqual(await lines(fn.name, `&instance=${freshName('none')}`), []);
      },
    },
  ];
}

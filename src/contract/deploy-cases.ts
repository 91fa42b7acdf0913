import assert from 'node:assert/strict';
import { freshName, type ContractApi } from './contract-api.ts';
import type { ContractCase } from './contract-target.ts';

/** What a deployment may say, all of it. */
const everything = {
  envVars: { GREETING: 'hello', EMPTY: '' },
  labels: { 'example.com/owner': 'somebody' },
  annotations: { topic: 'a/b', json: '{"a": [1, "x y"]}' },
  limits: { memory: '64Mi', cpu: '100m' },
  readOnlyRootFilesystem: true,
};

/** What a caller must mend, by what is wrong with it. */
const broken: [what: string, fields: object][] = [
  ['a name that is no DNS label', { service: 'No_Label' }],
  ['a name that is a path', { service: '../etc' }],
  ['no name', { service: '' }],
  ['no image', { image: '' }],
  ['a memory limit that is no quantity', { limits: { memory: 'much' } }],
  ['labels that are no texts', { labels: { a: { b: 1 } } }],
];

/** POST /system/functions */
export function deployCases(api: ContractApi): ContractCase[] {
  const verb = 'deploy';
  return [
    {
      verb,
      title: 'a function that is deployed is listed and answers',
      async run() {
        await using fn = await api.deployed();
        const listed = (await api.list()).find(({ name }) => name === fn.name);
        assert.equal(listed?.image, api.target.image);
        await api.answers(fn.fullName);
      },
    },
    {
      verb,
      title: 'what was sent is told back as it was sent',
      async run() {
        await using fn = await api.deployed(everything);
        const { envVars, labels, annotations, limits, readOnlyRootFilesystem, envProcess } = await fn.status();
        assert.deepEqual({ envVars, limits, readOnlyRootFilesystem }, pick(everything));
        assert.equal(envProcess, api.target.envProcess);
        assert.deepEqual({ ...labels, ...everything.labels }, labels);
        assert.deepEqual({ ...annotations, ...everything.annotations }, annotations);
      },
    },
    {
      verb,
      title: 'a name that is taken is 409, and what has it stays as it is',
      async run() {
        await using fn = await api.deployed({ labels: { first: 'yes' } });
        await api.expect(409, 'POST', '/system/functions', api.deployment({ service: fn.name }));
        assert.equal((await fn.status()).labels.first, 'yes');
      },
    },
    ...broken.map(([what, fields]) => ({
      verb,
      title: `${what} is 400, in one line`,
      async run() {
        const { text } = await api.expect(400, 'POST', '/system/functions', api.deployment(fields));
        assert.match(text, /^[^\n]+\n?$/);
      },
    })),
    {
      verb,
      title: 'what is no JSON is 400',
      run: async () => void (await api.expect(400, 'POST', '/system/functions', '{"service": ')),
    },
    ...ofMissingImage(api),
  ];
}

function pick({ envVars, limits, readOnlyRootFilesystem }: typeof everything) {
  return { envVars, limits, readOnlyRootFilesystem };
}

/** A back end that waits for a pull knows at once, another tells it by the function's status. */
function ofMissingImage(api: ContractApi): ContractCase[] {
  const image = api.target.missingImage;
  if (image === undefined) return [];
  return [
    {
      verb: 'deploy',
      title: 'an image that is not there is 400, or the reason of what is not ready',
      async run() {
        const service = freshName('contract');
        const { status } = await api.expect(
          [202, 400],
          'POST',
          '/system/functions',
          api.deployment({ service, image }),
        );
        const path = `/system/function/${service}?namespace=${api.namespace}`;
        if (status === 400) return void (await api.expect(404, 'GET', path));
        await api.until('a reason', async () => {
          const found = await api.read<{ availableReplicas: number; berth?: { reason?: string } }>(path);
          return found.availableReplicas === 0 && /image|pull/i.test(found.berth?.reason ?? '');
        });
        await api.expect(202, 'DELETE', '/system/functions', { functionName: service, namespace: api.namespace });
      },
    },
  ];
}

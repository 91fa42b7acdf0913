import { status } from '@grpc/grpc-js';
import test from 'ava';
import { DiskFullError } from '../../../../src/base/disk-full.ts';
import { toProviderError } from '../../../../src/backends/containerd/to-provider-error.ts';
import { StartError } from '../../../../src/backends/containerd/start-error.ts';
import { ContainerdError } from '../../../../src/containerd/index.ts';
import { answering, FunctionNotFoundError, ProviderError } from '../../../../src/provider/index.ts';
import { RegistryError } from '../../../../src/registry/index.ts';
import { SecretError } from '../../../../src/secrets/index.ts';

const refusal = (code: status) =>
  new ContainerdError({ method: 'Namespaces.Create', address: '/run/containerd.sock' }, code, 'words');

const cases: [Error, number, string][] = [
  [new StartError('invalid', 'limits.cpu is not above 0'), 400, 'limits.cpu is not above 0'],
  [new StartError('superseded', 'a newer update'), 409, 'a newer update'],
  [new SecretError('invalid-name', 'invalid secret name'), 400, 'invalid secret name'],
  [new RegistryError('not-found', 'no such image'), 400, 'no such image'],
  [new RegistryError('unreachable', 'no answer'), 502, 'no answer'],
  [refusal(status.INVALID_ARGUMENT), 400, 'containerd: Namespaces.Create: words'],
  [
    refusal(status.DEADLINE_EXCEEDED),
    504,
    'containerd did not answer in time: try again, containerd: Namespaces.Create: words',
  ],
  [refusal(status.CANCELLED), 503, 'berth is being restarted: try again'],
  [refusal(status.RESOURCE_EXHAUSTED), 503, 'containerd: Namespaces.Create: words'],
  [refusal(status.INTERNAL), 500, 'containerd: Namespaces.Create: words'],
  [new Error('nft failed', { cause: new Error('no such command') }), 500, 'nft failed: no such command'],
];

for (const [thrown, answered, message] of cases) {
  test(`${thrown.name} "${thrown.message}" is answered ${answered} as ${message}, its cause kept`, async (t) => {
    const verbs = answering({ secrets: { list: () => Promise.reject(thrown) } }, toProviderError);
    const error = await t.throwsAsync(verbs.secrets.list(), { instanceOf: ProviderError, message });
    t.is(error.status, answered);
    t.is(error.cause, thrown);
  });
}

test('an error of the contract is answered as it is, also when it is thrown at once', async (t) => {
  const thrown = new FunctionNotFoundError({ name: 'fn', namespace: 'openfaas-fn' });
  const fail = (): Promise<void> => {
    throw thrown;
  };
  t.is(await t.throwsAsync(answering({ fail }, toProviderError).fail()), thrown);
});

test('a verb gets its arguments and gives its answer', async (t) => {
  const verbs = answering(
    { scale: (name: string, replicas: number) => Promise.resolve({ name, replicas }) },
    toProviderError,
  );
  t.deepEqual(await verbs.scale('fn', 2), { name: 'fn', replicas: 2 });
});

test('a full disk is 507 and names the setting, not the path', async (t) => {
  const cause = Object.assign(new Error('ENOSPC: no space left on device, open /var/lib/berth/x'), { code: 'ENOSPC' });
  const verbs = answering({ deploy: () => Promise.reject(new DiskFullError('data_dir', { cause })) }, toProviderError);
  const error = await t.throwsAsync(verbs.deploy(), { instanceOf: ProviderError });
  t.is(error?.status, 507);
  t.is(error?.message, 'the disk of data_dir is full: make room there and try again');
});

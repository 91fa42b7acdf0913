import test from 'ava';
import { endExec, type NamespacedClient } from '../../../src/containerd/index.ts';

test('a process that was made and never started is removed without waiting for its end', async (t) => {
  const asked: string[] = [];
  const answer = (name: string, value?: object) => () => {
    asked.push(name);
    return Promise.resolve(value);
  };
  const execs = {
    get: answer('get', { pid: 0, status: 'CREATED' }),
    wait: () => new Promise(() => asked.push('wait')),
    delete: answer('delete'),
  };
  const key = { containerId: 'replica', execId: 'exec' };
  await endExec({ execs } as unknown as NamespacedClient, key, '/nonexistent/exec');
  t.deepEqual(asked, ['get', 'delete']);
});

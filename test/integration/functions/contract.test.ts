/** What every back end does alike, on containerd. The cases run beside each other. */
import test from 'ava';
import { contractCases, type ContractTarget } from '../../../src/contract/index.ts';
import { password, username } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { startHost, type TestHost } from './setup.ts';

const target: ContractTarget = {
  url: '',
  credentials: { user: username, password },
  image: '',
  echoPath: '/echo',
  logPath: (text) => `/log/${text}`,
  filePath: (path) => `/file${path}`,
  missingImage: '',
  isGateway: true,
};
let host: TestHost;

test.before(async () => {
  host = await startHost();
  const { reference } = await functionImage(host.registry);
  target.url = host.berth.url;
  target.image = reference;
  target.missingImage = reference.replace(/\/fn:.*$/, '/none:1');
});
test.after.always(() => host?.stop());

for (const { verb, title, run } of contractCases(target))
  test(`${verb}: ${title}`, async (t) => {
    await run();
    t.pass();
  });

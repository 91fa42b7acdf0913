import { createHttpProxy, type Proxy } from '../../../../src/provider/proxy/index.ts';
import { createUnhardenedProxy } from './unhardened-proxy.ts';

/**
 * Every implementation of `Proxy` must pass this suite. BERTH_TEST_PROXY=unhardened takes http-proxy as it comes, to see
 * that the tests can fail.
 */
export function createProxy(): Proxy {
  return process.env.BERTH_TEST_PROXY === 'unhardened' ? createUnhardenedProxy() : createHttpProxy();
}

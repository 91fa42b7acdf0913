import type { ExecutionContext } from 'ava';
import { watchdogImage } from '../helpers/functions.ts';
import { startHost, type TestHost } from '../integration/functions/setup.ts';

/** A host as the certifier wants it, with the calls that it makes again and again. */
export interface CertifierHost extends TestHost {
  /** functions/alpine. */
  image: string;
  deploy(t: ExecutionContext, body: object, method?: 'POST' | 'PUT'): Promise<void>;
  /** As the certifier does it: the namespace in the query only. */
  remove(t: ExecutionContext, namespace: string, ...names: string[]): Promise<void>;
}

export async function startCertifierHost(): Promise<CertifierHost> {
  const host = await startHost({ env: { faas_function_label: 'true' } });
  const { berth, registry } = host;
  const { reference: image } = await watchdogImage(registry);
  return {
    ...host,
    image,
    async deploy(t, body, method = 'POST') {
      const { status, text } = await berth.api(method, '/system/functions', body);
      t.true([200, 202].includes(status), `${status} ${text}`);
    },
    async remove(t, namespace, ...names) {
      for (const functionName of names) {
        const path = `/system/functions?namespace=${namespace}`;
        const { status, text } = await berth.api('DELETE', path, { functionName });
        t.true([200, 201, 202].includes(status), `${status} ${text}`);
      }
    },
  };
}

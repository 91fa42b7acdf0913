import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { parseJson } from '../base/parse-json.ts';
import { RegistryError, type RegistryErrorKind } from './registry-error.ts';
import type { RegistryHost } from './hosts.ts';
import type { Reference } from './reference.ts';
import { whenToRetry } from './retry-after.ts';
import { readSmallBody } from './transport.ts';

const errorBodySchema = z.object({
  errors: z.array(z.object({ code: z.string().nullish(), message: z.string().nullish() })).min(1),
});
const maxQuotedLength = 200;

/** Makes the error that an unsuccessful answer means, with the registry's own words where it gave any. */
export async function refusal(
  response: IncomingMessage,
  context: { host: RegistryHost; reference: Reference; credentialsAt: string },
): Promise<RegistryError> {
  const { host, reference, credentialsAt } = context;
  const { registry, repository } = reference;
  const status = response.statusCode ?? 0;
  const at = host.name === registry ? registry : `${registry} (mirror ${host.url.host})`;
  const { kind, advice } = meaning(response, host.name, credentialsAt);
  const quoted = await registryMessage(response);
  const said = quoted === '' ? `HTTP ${status}` : `HTTP ${status}, ${quoted}`;
  const message = `registry ${at} did not give ${reference.name} (repository ${repository}): ${said}: ${advice}`;
  return new RegistryError(kind, message, { registry, repository, status });
}

function meaning(
  response: IncomingMessage,
  host: string,
  credentialsAt: string,
): { kind: RegistryErrorKind; advice: string } {
  const status = response.statusCode ?? 0;
  if (status === 401 || status === 403) {
    const advice = `it does not exist or needs another login: put one for ${host} in ${credentialsAt}`;
    return { kind: 'denied', advice };
  }
  if (status === 404)
    return { kind: 'not-found', advice: 'no such image: check its name and tag, and that it was pushed' };
  if (status === 416) return { kind: 'corrupt', advice: 'it holds less than the manifest says: push the image again' };
  if (status === 429) {
    return {
      kind: 'unreachable',
      advice: `too many requests: ${whenToRetry(response)}, or put a login for ${host} in ${credentialsAt}`,
    };
  }
  if (status === 408 || status >= 500)
    return { kind: 'unreachable', advice: `the registry has trouble: ${whenToRetry(response)}` };
  return { kind: 'refused', advice: 'is it an OCI registry?' };
}

async function registryMessage(response: IncomingMessage): Promise<string> {
  // The status has said it all already: a body that cannot be read adds nothing.
  const body = await readSmallBody(response, 'error page').catch(() => Buffer.alloc(0));
  const error = errorBodySchema.safeParse(parseJson(body.toString())).data?.errors[0];
  // Printable characters only: this text ends up in terminals.
  return (error?.message || error?.code || '').replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, maxQuotedLength);
}

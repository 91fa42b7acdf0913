import { readFile } from 'node:fs/promises';
import { describeError } from '../../base/log.ts';
import { askNats, natsOf } from '../../daemon/index.ts';
import { fail, pass, type Check, type Finding } from './patient.ts';

export const natsCheck: Check = {
  name: 'nats',
  async look({ config, envFile }): Promise<Finding | Finding[]> {
    const nats = natsOf(config);
    if (!nats) return [];
    const files = { nats_credentials: nats.credentialsFile, nats_ca: nats.caFile };
    const unreadable = await Promise.all(
      Object.entries(files).map(async ([name, path]) => {
        const problem = path === undefined ? undefined : await readFile(path).then(() => undefined, describeError);
        return problem === undefined ? [] : [fail(`${name}: ${problem}`, `put it there, or set ${name} in ${envFile}`)];
      }),
    );
    if (unreadable.some((findings) => findings.length > 0)) return unreadable.flat();
    const servers = nats.address.servers.join(', ');
    try {
      return pass(`NATS ${await askNats(nats)} at ${servers} keeps asynchronous calls`);
    } catch (error) {
      const found = `asynchronous calls are answered 503: ${servers} does not keep them: ${describeError(error)}`;
      return fail(found, `see that it runs with JetStream and lets this host in, and nats_* in ${envFile}`);
    }
  },
};

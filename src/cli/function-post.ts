import { parseArgs } from 'node:util';
import { readDaemonConfig } from '../daemon/index.ts';
import { fullName, parseFullName } from '../provider/index.ts';
import { ApiClient } from './api-client.ts';
import { UsageError, type Verb } from './verb.ts';

export interface FunctionPost extends Pick<Verb, 'name' | 'summary'> {
  /** What happens to a function, and what is to be known of it. */
  help: string;
  /** What is said of a function once berth has begun with it, behind its name. */
  begun: string;
}

/** Makes the verb that asks POST /system/NAME-function/FUNCTION for each function that it is given. */
export function functionPost({ name: verb, summary, help, begun }: FunctionPost): Verb {
  return {
    name: verb,
    summary,
    usage: `NAME[.NAMESPACE]... [--namespace NAMESPACE]\n\n${help}`,
    async run(args, { env, signal, stdout }) {
      const options = { namespace: { type: 'string', short: 'n' } } as const;
      const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
      if (positionals.length === 0) throw new UsageError('say the name of a function');
      const config = readDaemonConfig(env);
      const functions = positionals.map((name) => {
        const fn = parseFullName(name, values.namespace ?? config.defaultNamespace);
        return fn ?? wrongName(name);
      });
      const api = await ApiClient.open(config);
      for (const fn of functions) {
        const { name, namespace } = fn;
        await api.json(`/system/${verb}-function/${name}`, { method: 'POST', body: { namespace }, signal });
        stdout.write(`${fullName(fn)} ${begun}\n`);
      }
      return 0;
    },
  };
}

function wrongName(name: string): never {
  throw new UsageError(`${JSON.stringify(name)} names no function`);
}

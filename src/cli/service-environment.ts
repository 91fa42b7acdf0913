import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { absentAs } from '../base/absent-file.ts';
import type { Environment } from '../provider/index.ts';

const serviceFile = '/etc/berth/berth.env';

/** Names the file of the service's settings. */
export function serviceFileOf(env: Environment): string {
  return env['berth_env_file'] ?? serviceFile;
}

/**
 * Reads the settings that the service runs with, from its file; the variables of this process go before them.
 * @param env the process's variables; `berth_env_file` among them names another file
 * @throws Error when there is a file that cannot be read
 */
export async function serviceEnvironment(env: Environment): Promise<Environment> {
  const file = serviceFileOf(env);
  const text = await readFile(file, 'utf8')
    .catch(absentAs(''))
    .catch((cause: unknown) => {
      throw new Error(`${file} cannot be read: run it with sudo`, { cause });
    });
  return { ...parseEnv(text), ...env };
}

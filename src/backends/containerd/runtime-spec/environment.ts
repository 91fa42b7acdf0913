import type { FunctionDeployment } from '../../../provider/index.ts';
import { StartError } from '../start-error.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Builds a function's environment as `NAME=value`, later over earlier: the default PATH, the image's, the function's
 * own name (which the watchdog checks tokens against), what the deployer set, and `fprocess` from envProcess when there
 * is one.
 */
export function environment(deployment: FunctionDeployment, imageEnv: string[]): string[] {
  const variables = new Map<string, string>([
    ['PATH', defaultPath],
    ...imageEnv.filter((entry) => entry.includes('=')).map(splitEntry),
    ['OPENFAAS_NAME', deployment.name],
    ['OPENFAAS_NAMESPACE', deployment.namespace],
    ...Object.entries(deployment.envVars ?? {}),
  ]);
  if (deployment.envProcess) variables.set('fprocess', deployment.envProcess);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/**
 * Checks the variables that a deployment sets.
 * @throws StartError for one that no process can be given
 */
export function validateEnvironment({ envProcess, envVars = {} }: FunctionDeployment): void {
  const variables = Object.entries({ ...envVars, fprocess: envProcess ?? envVars.fprocess ?? '' });
  for (const [name, value] of variables) {
    if (name === '' || /[=\0]/.test(name)) {
      throw new StartError(
        'invalid',
        `environment variable ${JSON.stringify(name)}: a name is not empty and has no "="`,
      );
    }
    if (value.includes('\0')) {
      throw new StartError('invalid', `environment variable ${name} holds a NUL byte: pass binary values as a secret`);
    }
  }
}

function splitEntry(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return [entry.slice(0, equals), entry.slice(equals + 1)];
}

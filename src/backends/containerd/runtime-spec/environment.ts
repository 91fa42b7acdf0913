import { quote, type FunctionDeployment } from '../../../provider/index.ts';
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

/** The kernel's MAX_ARG_STRLEN: one `NAME=value` with its NUL, see execve(2). */
const longestVariableBytes = 128 * 1024;
const pointerBytes = 8;
/** What the kernel takes at the usual limit of the stack, 8 MiB, less a page for what it adds itself. */
const wholeProcessBytes = 2 * 1024 * 1024 - 4096;
/** Half of that: the rest is for what the image sets, and its command. */
const allVariablesBytes = 1024 * 1024;

/**
 * Checks all that a process is given, of the image and of the deployment.
 * @throws StartError for what execve(2) does not take
 */
export function validateProcess({ args, env, cwd }: { args: string[]; env: string[]; cwd: string }): void {
  if ([...args, ...env, cwd].some((text) => text.includes('\0'))) {
    throw new StartError(
      'invalid',
      'the image has a variable, a command or a folder with a NUL byte: build it without',
    );
  }
  const sizes = [...args, ...env].map((text) => Buffer.byteLength(text) + '\0'.length);
  if (sizes.some((bytes) => bytes > longestVariableBytes)) {
    const limit = `each takes ${longestVariableBytes} bytes at most`;
    throw new StartError('invalid', `the variables of the image and the words of its command: ${limit}, shorten them`);
  }
  if (sizes.reduce((sum, bytes) => sum + bytes + pointerBytes, 0) > wholeProcessBytes) {
    const limit = `together ${wholeProcessBytes} bytes at most`;
    throw new StartError('invalid', `the variables and the command of image and deployment take ${limit}: set fewer`);
  }
}

/**
 * Checks the variables that a deployment sets.
 * @throws StartError for one that no process can be given, or for more than it can
 */
export function validateEnvironment({ envProcess, envVars = {} }: FunctionDeployment): void {
  const variables = Object.entries({ ...envVars, fprocess: envProcess ?? envVars.fprocess ?? '' });
  let total = 0;
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
    const bytes = Buffer.byteLength(name) + Buffer.byteLength(value) + '=\0'.length;
    if (bytes > longestVariableBytes) {
      const limit = `a variable takes ${longestVariableBytes} bytes at most`;
      throw new StartError('invalid', `environment variable ${quote(name)}: ${limit}, pass long values as a secret`);
    }
    total += bytes + pointerBytes;
  }
  if (total > allVariablesBytes) {
    const limit = `they take ${allVariablesBytes} bytes at most`;
    throw new StartError('invalid', `environment variables: together ${limit}, pass long values as a secret`);
  }
}

function splitEntry(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return [entry.slice(0, equals), entry.slice(equals + 1)];
}

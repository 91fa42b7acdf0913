import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RegistryError } from './registry-error.ts';

export type Credentials =
  | { kind: 'password'; username: string; password: string }
  /** Exchanged at the token server for an access token. */
  | { kind: 'identity-token'; token: string }
  /** Sent to the registry as it is. */
  | { kind: 'registry-token'; token: string };

/** Where passwords for registries come from. */
export interface CredentialStore {
  /** Where the operator puts credentials, for errors to name. */
  readonly where: string;
  /** @param registry as references name it, `docker.io` for Docker Hub */
  lookup(registry: string): Promise<Credentials | undefined>;
}

const authSchema = z.object({
  auth: z.string().nullish(),
  username: z.string().nullish(),
  password: z.string().nullish(),
  identitytoken: z.string().nullish(),
  registrytoken: z.string().nullish(),
});
const fileSchema = z.object({
  auths: z.record(z.string(), authSchema).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});
const helperAnswerSchema = z.object({ Username: z.string(), Secret: z.string() });

type DockerConfig = z.infer<typeof fileSchema>;
type Auth = z.infer<typeof authSchema>;

const helperTimeoutMs = 30_000;

/**
 * Docker's config.json, with its credential helpers. The file is read at each lookup, so that `docker login` needs no
 * restart; no file means no credentials.
 *
 * @param env what credential helpers run with; their programs are found on its PATH
 */
export function dockerConfigCredentials({ file, env }: { file: string; env: NodeJS.ProcessEnv }): CredentialStore {
  return {
    where: file,
    async lookup(registry) {
      const config = await readConfig(file);
      if (!config) return undefined;
      const host = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
      const helper = config.credHelpers?.[host] ?? config.credsStore;
      // As with Docker, a helper's "none" is final: auths are not asked.
      if (helper) return askHelper(helper, host, env);
      const auth = findAuth(config, host);
      return auth && readAuth(auth, host, file);
    },
  };
}

async function readConfig(file: string): Promise<DockerConfig | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw wrong(`cannot read the registry credentials in ${file}: ${error.message}`, error);
  });
  if (text === undefined || text.trim() === '') return undefined;
  // Neither the parser's message nor the cause is passed on: they quote the file, passwords included.
  const parsed = fileSchema.safeParse(parseJson(text, file));
  if (parsed.success) return parsed.data;
  throw wrong(
    `${file} is malformed at ${parsed.error.issues[0]?.path.join('.') || 'its root'}: it must be a docker config.json`,
  );
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw wrong(`${file} is not JSON: it must be a docker config.json`);
  }
}

function findAuth({ auths }: DockerConfig, host: string): Auth | undefined {
  if (!auths) return undefined;
  const bare = (key: string) => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const key = host in auths ? host : Object.keys(auths).find((candidate) => bare(candidate) === bare(host));
  return key === undefined ? undefined : auths[key];
}

function readAuth(auth: Auth, host: string, file: string): Credentials | undefined {
  if (auth.registrytoken) return { kind: 'registry-token', token: auth.registrytoken };
  if (auth.identitytoken) return { kind: 'identity-token', token: auth.identitytoken };
  if (auth.auth) {
    const text = Buffer.from(auth.auth, 'base64').toString().replace(/\0+$/, '');
    const colonAt = text.indexOf(':');
    if (colonAt < 1) throw wrong(`${file}: the auth of ${host} is not base64 of USER:PASSWORD`);
    return { kind: 'password', username: text.slice(0, colonAt), password: text.slice(colonAt + 1) };
  }
  if (!auth.username) return undefined;
  return { kind: 'password', username: auth.username, password: auth.password ?? '' };
}

/** https://github.com/docker/docker-credential-helpers: host on stdin, JSON on stdout. */
async function askHelper(helper: string, host: string, env: NodeJS.ProcessEnv): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const { output, failure } = await run(program, host, env);
  if (failure) {
    // The helper protocol has no code for "none", only this sentence.
    if (output.trim() === 'credentials not found in native keychain') return undefined;
    throw wrong(`${program} gave no credentials for ${host}: ${output.trim() || failure.message}`, failure);
  }
  const answer = helperAnswerSchema.safeParse(parseJson(output, `the answer of ${program}`));
  if (!answer.success) throw wrong(`${program} answered without Username and Secret for ${host}`);
  const { Username: username, Secret: secret } = answer.data;
  if (username === '<token>') return { kind: 'identity-token', token: secret };
  return { kind: 'password', username, password: secret };
}

function run(program: string, input: string, env: NodeJS.ProcessEnv): Promise<{ output: string; failure?: Error }> {
  return new Promise((resolve) => {
    const child = execFile(program, ['get'], { env, timeout: helperTimeoutMs }, (error, stdout) => {
      resolve({ output: stdout, ...(error && { failure: error }) });
    });
    // A helper that exits without reading closes the pipe under us; its exit code tells more.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function wrong(message: string, cause?: unknown): RegistryError {
  return new RegistryError('configuration', message, { cause });
}

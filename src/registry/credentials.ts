import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { absentAs } from '../base/absent-file.ts';
import { firstIssue } from '../base/first-issue.ts';
import { describeError } from '../base/log.ts';
import { parseJson } from '../base/parse-json.ts';
import { runProgram } from '../base/run-program.ts';
import { RegistryError } from './registry-error.ts';

/** A login at a registry. */
export type RegistryCredentials =
  | { kind: 'password'; username: string; password: string }
  /** Exchanged at the token server for an access token. */
  | { kind: 'identity-token'; token: string }
  /** Sent to the registry as it is. */
  | { kind: 'registry-token'; token: string };

/** Looks up logins for registries. */
export interface CredentialStore {
  /** The place where the operator puts credentials, for errors to name. */
  readonly where: string;
  /**
   * Looks up a registry's login; undefined where there is none.
   * @param registry as references name it, `docker.io` for Docker Hub
   */
  lookup(registry: string): Promise<RegistryCredentials | undefined>;
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

/**
 * Makes a store of Docker's config.json, with its credential helpers. The file is read at each lookup, so that `docker login` needs no
 * restart; no file means no credentials.
 * @param env what credential helpers run with; their programs are found on its PATH
 */
export function dockerConfigCredentials({ file, env }: { file: string; env: NodeJS.ProcessEnv }): CredentialStore {
  return {
    where: file,
    async lookup(registry) {
      const config = await readConfig(file);
      if (!config) return undefined;
      const host = keyOf(registry);
      const helper = config.credHelpers?.[host] ?? config.credsStore;
      // As with Docker, a helper's "none" is final: auths are not asked.
      if (helper) return askHelper(helper, host, env);
      const auth = findAuth(config, host);
      return auth && readAuth(auth, host, file);
    },
  };
}

/**
 * Reads the logins of a docker config.json that a user gave: no program of this host is run for it.
 * @param where it is, for errors
 * @throws RegistryError of kind `configuration` when it is none, or names a credential helper
 */
export function dockerConfigLogins(content: Buffer, where: string): CredentialStore {
  const config = parseConfig(content.toString(), where);
  if (config?.credsStore || Object.keys(config?.credHelpers ?? {}).length > 0) {
    throw wrong(
      `${where} names a credential helper, which is a program of another host: put the login itself in auths`,
    );
  }
  if (!config?.auths) throw wrong(`${where} has no auths: it must be a docker config.json with a login`);
  for (const [host, auth] of Object.entries(config.auths)) readAuth(auth, host, where);
  const lookup = (registry: string) => {
    const host = keyOf(registry);
    const auth = findAuth(config, host);
    return Promise.resolve(auth && readAuth(auth, host, where));
  };
  return { where, lookup };
}

/** Makes a store that asks one store, and then another that has logins for all. */
export function firstLogins(own: CredentialStore, forAll: CredentialStore): CredentialStore {
  const lookup = async (registry: string) => (await own.lookup(registry)) ?? forAll.lookup(registry);
  return { where: own.where, lookup };
}

function keyOf(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

async function readConfig(file: string): Promise<DockerConfig | undefined> {
  const read = readFile(file, 'utf8').catch(absentAs(''));
  const text = await read.catch((cause: unknown) => {
    throw wrong(`cannot read the registry credentials in ${file}: ${describeError(cause)}`, cause);
  });
  return parseConfig(text, file);
}

function parseConfig(text: string, file: string): DockerConfig | undefined {
  if (text.trim() === '') return undefined;
  // Neither the JSON parser's message nor a cause is passed on: they quote the file, passwords included.
  const document = parseJson(text);
  if (document === undefined) throw wrong(`${file} is not JSON: it must be a docker config.json`);
  const parsed = fileSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw wrong(`${file} is no docker config.json: ${firstIssue(parsed.error, 'the file')}`);
}

function findAuth({ auths }: DockerConfig, host: string): Auth | undefined {
  if (!auths) return undefined;
  const bare = (key: string) => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const key = host in auths ? host : Object.keys(auths).find((candidate) => bare(candidate) === bare(host));
  return key === undefined ? undefined : auths[key];
}

function readAuth(auth: Auth, host: string, file: string): RegistryCredentials | undefined {
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

/** Asks a program of https://github.com/docker/docker-credential-helpers: host on stdin, JSON on stdout. */
async function askHelper(
  helper: string,
  host: string,
  env: NodeJS.ProcessEnv,
): Promise<RegistryCredentials | undefined> {
  const program = `docker-credential-${helper}`;
  const run = await runProgram(program, { args: ['get'], env, stdin: host }).catch((cause: unknown) => {
    throw wrong(`${program} gave no credentials for ${host}: ${describeError(cause)}`, cause);
  });
  if (run.exitCode !== 0) {
    const said = run.stdout.trim();
    // The helper protocol has no code for "none", only this sentence.
    if (said === 'credentials not found in native keychain') return undefined;
    const ended = run.timedOut ? 'it took too long' : `it ended with ${run.signal ?? `exit code ${run.exitCode}`}`;
    throw wrong(`${program} gave no credentials for ${host}: ${said || run.stderr.trim() || ended}`);
  }
  const answer = helperAnswerSchema.safeParse(parseJson(run.stdout));
  if (!answer.success) throw wrong(`${program} answered without Username and Secret for ${host}`);
  const { Username: username, Secret: secret } = answer.data;
  if (username === '<token>') return { kind: 'identity-token', token: secret };
  return { kind: 'password', username, password: secret };
}

function wrong(message: string, cause?: unknown): RegistryError {
  return new RegistryError('configuration', message, { cause });
}

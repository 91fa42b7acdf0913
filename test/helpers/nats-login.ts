import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

export interface NatsLogin {
  /** Lines for the configuration of a server that lets in this user alone. */
  settings: string;
  credentialsFile: string;
  /** Writes the file with another user's key. */
  spoil(): Promise<void>;
  mend(): Promise<void>;
}

/** Makes an operator, an account and a user as `nsc` does, and the credentials file of the user. */
export async function makeNatsLogin(): Promise<NatsLogin> {
  const [operator, system, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ];
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const space = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const token = (signer: KeyPair, subject: KeyPair, name: string, nats: object) =>
    signed(signer, { name, sub: subject.getPublicKey(), nats: { ...nats, version: 2 } });
  const operatorToken = token(operator, operator, 'O', { type: 'operator', system_account: system.getPublicKey() });
  const systemToken = token(operator, system, 'SYS', { type: 'account', limits });
  const accountToken = token(operator, account, 'A', { type: 'account', limits: { ...limits, ...space } });
  const userToken = token(account, user, 'U', { type: 'user', subs: -1, data: -1, payload: -1 });

  const folder = await mkdtemp(join(tmpdir(), 'nats-login-'));
  const credentialsFile = join(folder, 'berth.creds');
  const write = (key: KeyPair) => writeFile(credentialsFile, credentials(userToken, key));
  await write(user);
  return {
    settings: `operator: ${operatorToken}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: { ${system.getPublicKey()}: ${systemToken}, ${account.getPublicKey()}: ${accountToken} }`,
    credentialsFile,
    spoil: () => write(nkeys.createUser()),
    mend: () => write(user),
  };
}

function signed(signer: KeyPair, claims: object): string {
  const body = { ...claims, iss: signer.getPublicKey(), iat: Math.floor(Date.now() / 1000) };
  const jti = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode({ ...body, jti })}`;
  return `${text}.${Buffer.from(signer.sign(Buffer.from(text))).toString('base64url')}`;
}

function credentials(token: string, key: KeyPair): string {
  const seed = Buffer.from(key.getSeed()).toString();
  return `-----BEGIN NATS USER JWT-----
${token}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;
}

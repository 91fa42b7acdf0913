import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { describeError, type Log } from '../../base/log.ts';
import type { NatsAddress } from './nats-address.ts';

export interface JetstreamConnectionOptions {
  address: NatsAddress;
  /** As `nsc` makes it; read anew at each connection. */
  credentialsFile?: string | undefined;
  /** Certificates of who signs for the servers, beside those that the host trusts. */
  caFile?: string | undefined;
  log: Log;
}

const againMs = 500;

/** Keeps a connection to a NATS server for as long as it is wanted. */
export class JetstreamConnection {
  readonly #options: JetstreamConnectionOptions;
  readonly #onUp: () => void;
  readonly #onDown: () => void;
  readonly #closing = new AbortController();
  readonly #life: Promise<void>;
  #connection: NatsConnection | undefined;
  #told = '';

  /** `onUp` is called each time that there is a server again, `onDown` when there is none. */
  constructor(options: JetstreamConnectionOptions, onUp: () => void, onDown: () => void) {
    this.#options = options;
    this.#onUp = onUp;
    this.#onDown = onDown;
    this.#life = this.#live();
  }

  /** Undefined while no server answers. */
  get current(): NatsConnection | undefined {
    return this.#connection;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#connection?.close();
    await this.#life;
  }

  async #live(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const connection = await connect({
          ...connectionOptions(this.#options),
          maxReconnectAttempts: -1,
          reconnectTimeWait: againMs,
          // A login that was renewed, or a server that was set up anew, is found out without a restart.
          ignoreAuthErrorAbort: true,
          pingInterval: 10_000,
        });
        if (signal.aborted) await connection.close();
        else await this.#follow(connection);
      } catch (error) {
        this.#tell(describeError(error));
      }
      await sleep(againMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Returns once the connection is closed: the library gives one up that was refused, for instance. */
  async #follow(connection: NatsConnection): Promise<void> {
    this.#up(connection);
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') this.#up(connection);
      if (type === 'disconnect' || type === 'close') this.#down();
    }
    this.#down();
    const error = await connection.closed();
    if (error) throw error;
  }

  #up(connection: NatsConnection): void {
    const { server_name: server, version } = connection.info ?? {};
    this.#options.log.info('NATS server connected', { server, version });
    this.#told = '';
    this.#connection = connection;
    this.#onUp();
  }

  #down(): void {
    if (!this.#connection) return;
    this.#connection = undefined;
    this.#onDown();
    if (!this.#closing.signal.aborted) this.#tell('connection lost');
  }

  #tell(reason: string): void {
    if (this.#closing.signal.aborted || reason === this.#told) return;
    this.#told = reason;
    this.#options.log.warn('NATS server not reached, trying on: is it there, and are nats_url and its login right?', {
      servers: this.#options.address.servers.join(','),
      reason,
    });
  }
}

/** What the library is told of servers, and of who asks them. */
export function connectionOptions({
  address,
  credentialsFile,
  caFile,
}: Omit<JetstreamConnectionOptions, 'log'>): NodeConnectionOptions {
  return {
    name: 'berth',
    servers: address.servers,
    ...(address.user && { user: address.user }),
    ...(address.password && { pass: address.password }),
    ...(credentialsFile && { authenticator: credsAuthenticator(() => readFileSync(credentialsFile)) }),
    ...((address.isTls || caFile) && { tls: tlsOptions(address, caFile) }),
    timeout: 5000,
  };
}

function tlsOptions({ servers }: NatsAddress, caFile: string | undefined) {
  const addresses = servers.map((server) => server.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')).filter(isIP);
  return {
    ...(caFile && { caFile }),
    // The library names no host where that is an address, which Node.js then takes for localhost.
    checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
      const hosts = host === 'localhost' && addresses.length > 0 ? addresses : [host];
      const errors = hosts.map((name) => checkServerIdentity(name, certificate));
      return errors.includes(undefined) ? undefined : errors[0];
    },
  };
}

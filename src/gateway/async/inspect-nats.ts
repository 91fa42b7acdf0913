import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectionOptions, type JetstreamConnectionOptions } from './jetstream-connection.ts';

const timeoutMs = 5000;

/**
 * Connects once, and asks for what JetStream has.
 * @returns the server's version
 * @throws Error where there is no server, or it lets nobody in, or has no JetStream
 */
export async function inspectNats(settings: Omit<JetstreamConnectionOptions, 'log'>): Promise<string> {
  const connection = await connect({ ...connectionOptions(settings), reconnect: false });
  try {
    await (await jetstreamManager(connection, { timeout: timeoutMs })).getAccountInfo();
    return connection.info?.version ?? '';
  } finally {
    await connection.close();
  }
}

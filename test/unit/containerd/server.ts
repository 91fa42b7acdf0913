import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { Containerd } from '../../../src/containerd/index.ts';

export interface Service {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

export interface GrpcServer extends AsyncDisposable {
  readonly address: string;
  readonly client: Containerd;
  /** Cuts every connection and stops listening. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A real gRPC server on a unix socket with a client for it; what it answers is up to the test. */
export async function serve(...services: Service[]): Promise<GrpcServer> {
  const folder = await mkdtemp(join(tmpdir(), 'grpc-'));
  const address = join(folder, 's.sock');
  const client = new Containerd({ address });
  let server: Server | undefined;

  async function start() {
    const started = new Server();
    for (const { definition, implementation } of services) started.addService(definition, implementation);
    await new Promise<void>((resolve, reject) => {
      started.bindAsync(`unix://${address}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    server = started;
  }
  async function stop() {
    server?.forceShutdown();
    server = undefined;
    await rm(address, { force: true });
  }

  await start();
  return {
    address,
    client,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      client.close();
      await stop();
      await rm(folder, { recursive: true });
    },
  };
}

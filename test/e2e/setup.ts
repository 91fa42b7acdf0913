import { password } from '../helpers/berth.ts';
import { faasCli, type CliResult, type FaasCli } from '../helpers/faas-cli.ts';
import { startHost, type TestHost } from '../integration/functions/setup.ts';

export interface CliHost extends TestHost {
  cli: FaasCli;
}

/** A host and the real faas-cli, logged in to its daemon. */
export async function startCliHost(): Promise<CliHost> {
  const host = await startHost();
  const cli = await faasCli(host.berth.url);
  succeeded(await cli.runWith(password, 'login', '--password-stdin'));
  return {
    ...host,
    cli,
    async stop() {
      await cli[Symbol.asyncDispose]();
      await host.stop();
    },
  };
}

/** What it printed; throws that when it failed. */
export function succeeded({ code, stdout, stderr }: CliResult): string {
  if (code !== 0) throw new Error(`faas-cli ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

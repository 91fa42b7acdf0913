export { runCli } from './run-cli.ts';
export { serviceEnvironment } from './service-environment.ts';

export { readDaemonConfig, type Config } from './config.ts';
export { readVersion } from './version.ts';

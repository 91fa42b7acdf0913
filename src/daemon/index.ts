export { readDaemonConfig, type Config } from './config.ts';

export { readDaemonConfig, type Config } from './config.ts';
export { openContainerd } from './open-containerd.ts';
export { serveDaemon } from './serve-daemon.ts';
export { readVersion } from './version.ts';

export { askNats, type AsyncList, type CallView } from '../gateway/index.ts';
export { openChosenBackEnd } from './chosen-back-end.ts';
export { examineDaemonConfig, readDaemonConfig, settingNames, type Config } from './config.ts';
export { clusterSettings } from './kubernetes-settings.ts';
export { DataLock } from './data-lock.ts';
export { natsOf } from './open-async.ts';
export { networkOptions, openContainerd, ownConflist } from './open-containerd.ts';
export { serveDaemon } from './serve-daemon.ts';
export { readVersion } from './version.ts';

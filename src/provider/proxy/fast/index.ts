export { createFastProxy } from './fast-proxy.ts';

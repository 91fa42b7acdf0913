export type { Provider } from './provider/index.ts';

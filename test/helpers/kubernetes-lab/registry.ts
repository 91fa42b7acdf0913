import type { ImageRegistry } from '../images.ts';

const url = 'http://127.0.0.1:5000';

/** The registry within the cluster of lab.sh, which asks for no password. */
export const labRegistry: ImageRegistry = {
  host: '127.0.0.1:5000',
  url,
  fetch: (path, _scope, init) => fetch(new URL(path, url), init),
};

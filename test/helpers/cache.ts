import { join } from 'node:path';

/** What tests download or compile once; git ignores it. */
export const cacheFolder = process.env['BERTH_TEST_CACHE'] ?? join(import.meta.dirname, '../../.cache');

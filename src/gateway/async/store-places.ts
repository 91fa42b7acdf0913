import { join } from 'node:path';

/** Where the database of an embedded queue is in its folder. */
export const databaseFile = (dir: string) => join(dir, 'calls.db');

/** Where the long bodies of an embedded queue are in its folder. */
export const bodyFolder = (dir: string) => join(dir, 'bodies');

import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { bodyFolder, databaseFile } from './store-places.ts';

/** The number of the schema below, as SQLite's user_version. */
const ownSchema = 1;

/** What a call takes, or what is kept of it: callers say how long all of it is. */
const bytesOf = (row: 'new' | 'old') =>
  `${row}.body_bytes + ${['headers', 'path', 'url', 'result'].map((name) => `ifnull(octet_length(${row}.${name}), 0)`).join(' + ')}`;

/**
 * `state` has one more value than CallState: `dead`, a failed call whose body is kept. `fn` is NAME.NAMESPACE; `headers` and `last`
 * are JSON. A body of a few bytes is in `body`, a longer one in the file of that name; `body_bytes` is what is kept of it.
 * Triggers keep `tallies`, so that no start and no figure has to count calls, and two processes cannot count differently.
 */
const schema = `
  CREATE TABLE calls (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, fn TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    path TEXT NOT NULL, headers TEXT NOT NULL, url TEXT, parent TEXT,
    attempts INTEGER NOT NULL, queued_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, owner TEXT, last TEXT, ended_ms INTEGER,
    result_type TEXT, result BLOB, body_bytes INTEGER NOT NULL, file TEXT, body BLOB
  ) STRICT;
  CREATE INDEX calls_due ON calls (fn, kind, due_ms) WHERE state = 'queued';
  CREATE INDEX calls_by_fn ON calls (fn);
  CREATE INDEX calls_by_state ON calls (state);
  CREATE INDEX calls_ended ON calls (ended_ms) WHERE ended_ms IS NOT NULL;
  CREATE INDEX calls_files ON calls (file) WHERE file IS NOT NULL;
  CREATE TABLE tallies (
    fn TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, calls INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (fn, kind, state)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER call_added AFTER INSERT ON calls BEGIN
    INSERT INTO tallies VALUES (new.fn, new.kind, new.state, 1, ${bytesOf('new')})
      ON CONFLICT DO UPDATE SET calls = calls + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER call_moved AFTER UPDATE OF state, body_bytes, headers, result ON calls BEGIN
    UPDATE tallies SET calls = calls - 1, bytes = bytes - (${bytesOf('old')})
      WHERE fn = old.fn AND kind = old.kind AND state = old.state;
    INSERT INTO tallies VALUES (new.fn, new.kind, new.state, 1, ${bytesOf('new')})
      ON CONFLICT DO UPDATE SET calls = calls + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER call_forgotten AFTER DELETE ON calls BEGIN
    UPDATE tallies SET calls = calls - 1, bytes = bytes - (${bytesOf('old')})
      WHERE fn = old.fn AND kind = old.kind AND state = old.state;
  END;
  PRAGMA user_version = ${ownSchema};`;

/**
 * Opens the database of a store, which is made where there is none.
 * @throws Error of SQLite, or one that says that a newer berth wrote it
 */
export function openDatabase(dir: string): DatabaseSync {
  const isNew = mkdirSync(bodyFolder(dir), { recursive: true, mode: 0o700 }) !== undefined;
  // SQLite gives the files beside it the same mode.
  closeSync(openSync(databaseFile(dir), 'a', 0o600));
  chmodSync(databaseFile(dir), 0o600);
  const database = new DatabaseSync(databaseFile(dir), { timeout: 10_000 });
  try {
    prepare(database);
    if (isNew) for (const folder of [bodyFolder(dir), dir, dirname(dir)]) syncFolderNow(folder);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: DatabaseSync): void {
  // The first has an effect on a new database only, and before all else.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -4096');
  database.exec('BEGIN IMMEDIATE');
  const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (found === 0) database.exec(schema);
  database.exec('COMMIT');
  if (found > ownSchema)
    throw new Error(`the store of asynchronous calls is of a newer berth (schema ${found}): install that one`);
}

/** Renames the folder of a damaged store. Returns its new path. */
export function setAside(dir: string): string {
  const aside = `${dir}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(dir, aside);
  syncFolderNow(dirname(dir));
  return aside;
}

const damaged = [11 /* SQLITE_CORRUPT */, 26 /* SQLITE_NOTADB */];
const full = 13; /* SQLITE_FULL */

/** Says what an error means for the store as a whole. */
export function faultOf(error: unknown): 'damaged' | 'full' | 'other' {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (damaged.includes(code)) return 'damaged';
  const isFull = code === full || (error instanceof Error && 'code' in error && error.code === 'ENOSPC');
  return isFull ? 'full' : 'other';
}

function syncFolderNow(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

import { existsSync, opendirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { FullName } from '../../provider/index.ts';
import type { Attempt, CallKind, CallState, ListOptions } from './queue.ts';
import { bodyFolder } from './store-places.ts';
import { openDatabase } from './store-schema.ts';
import {
  callOf,
  fromJson,
  type CallToStore,
  type StoredCall,
  type StoredEnding,
  type StoredRow,
} from './stored-call.ts';

/** State in the store; a failed call that can be replayed is `dead`. */
export type StoredState = CallState | 'dead';

/** Of a call that has ended for good nobody needs what was sent, and callers log in with headers. */
const nothingKept = "headers = '[]', body_bytes = 0, file = NULL, body = NULL";

/** How many calls of one function and kind there are, by their state. */
export interface StoredLane {
  fn: FullName;
  kind: CallKind;
  calls: Partial<Record<StoredState, number>>;
  /** What they take. */
  bytes: number;
  /** What those take that have ended. */
  endedBytes: number;
  /** When the first that waits is due. */
  dueMs: number;
}

/** The calls of an embedded queue, in a database of SQLite: all of it waits for the disk, so it lives in a thread of its own. */
export class CallStore {
  readonly #dir: string;
  readonly #owner: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Lanes that the transaction has changed. */
  readonly #touched = new Map<string, { fn: FullName; kind: CallKind }>();
  /** Bodies that nobody needs once the transaction is durable. */
  #outdated: string[] = [];
  #dataVersion = -1;

  /** @param owner marks the calls that this process takes; those of others are taken back by `recover` */
  constructor(dir: string, owner: string) {
    this.#dir = dir;
    this.#owner = owner;
    this.#database = openDatabase(dir);
  }

  /** Runs work in one transaction, which is durable when this returns. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const value = work();
      this.#database.exec('COMMIT');
      for (const file of this.#outdated) rmSync(join(bodyFolder(this.#dir), file), { force: true });
      return value;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    } finally {
      this.#outdated = [];
    }
  }

  /** Returns the lanes that have changed since this was asked last: all of them when another process has written. */
  changedLanes(): { all: boolean; lanes: StoredLane[] } {
    const version = Number(this.#get('PRAGMA data_version')?.data_version);
    const all = version !== this.#dataVersion;
    this.#dataVersion = version;
    const found = all
      ? this.#all('SELECT DISTINCT fn, kind FROM tallies WHERE calls > 0')
      : [...this.#touched.values()];
    this.#touched.clear();
    return { all, lanes: found.map(({ fn, kind }) => this.#lane(fn as FullName, kind as CallKind)) };
  }

  close(): void {
    this.#database.close();
  }

  /** @returns false when a call of this id is known */
  add(call: CallToStore): boolean {
    const { id, fn, kind, path, headers, url, parent, body } = call;
    const nowMs = Date.now();
    const { changes } = this.#run(
      `INSERT INTO calls (id, fn, kind, state, path, headers, url, parent, attempts, queued_ms, due_ms, body_bytes, file, body)
        VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
      ...[id, fn, kind, path, JSON.stringify(headers), url, parent],
      ...[nowMs, Math.floor(call.dueMs ?? nowMs), body.bytes, body.file, body.short],
    );
    this.#touch(fn, kind);
    return changes === 1;
  }

  take(fn: FullName, kind: CallKind, most: number): StoredCall[] {
    const rows = this.#all(
      `UPDATE calls SET state = 'running', owner = ?, attempts = attempts + 1 WHERE seq IN (SELECT seq FROM calls
        WHERE state = 'queued' AND fn = ? AND kind = ? AND due_ms <= ? ORDER BY due_ms, seq LIMIT ?) RETURNING *`,
      ...[this.#owner, fn, kind, Date.now(), most],
    );
    this.#touch(fn, kind);
    rows.sort((a, b) => Number(a.due_ms) - Number(b.due_ms) || Number(a.seq) - Number(b.seq));
    return rows.filter((row) => this.#canBeMade(row)).map(callOf);
  }

  retry(id: string, dueMs: number, last?: Attempt, uncounted = false): void {
    this.#change(
      `UPDATE calls SET state = 'queued', owner = NULL, due_ms = ?, last = coalesce(?, last), attempts = attempts - ?
        WHERE id = ? AND state = 'running' AND owner = ? RETURNING fn, kind`,
      ...[Math.floor(dueMs), last && JSON.stringify(last), Number(uncounted), id, this.#owner],
    );
  }

  finish(id: string, { state, last, result, isDead, follows }: StoredEnding): void {
    const file = this.#get('SELECT file FROM calls WHERE id = ?', id)?.file;
    const end = isDead ? `'dead'` : `?, ${nothingKept}`;
    const [ended] = this.#change(
      `UPDATE calls SET owner = NULL, ended_ms = ?, last = coalesce(?, last), result_type = ?, result = ?, state = ${end}
        WHERE id = ? AND state = 'running' AND owner = ? RETURNING fn, kind`,
      ...[
        Date.now(),
        last && JSON.stringify(last),
        result?.contentType,
        result?.body,
        ...(isDead ? [] : [state]),
        id,
        this.#owner,
      ],
    );
    if (!ended) return this.#outdate(...follows.map(({ body }) => body.file));
    if (!isDead) this.#outdate(file);
    for (const call of follows) if (!this.add(call)) this.#outdate(call.body.file);
  }

  /** @returns the state that it had */
  cancel(id: string): CallState | undefined {
    const row = this.#get('SELECT state, file FROM calls WHERE id = ?', id);
    if (!row) return undefined;
    const [queued] = this.#change(
      `UPDATE calls SET state = 'cancelled', ended_ms = ?, ${nothingKept}
        WHERE id = ? AND state = 'queued' RETURNING fn, kind`,
      ...[Date.now(), id],
    );
    if (queued) this.#outdate(row.file);
    return row.state === 'dead' ? 'failed' : (row.state as CallState);
  }

  /** @returns false when it is not dead */
  replay(id: string): boolean | undefined {
    const [dead] = this.#change(
      `UPDATE calls SET state = 'queued', due_ms = ?, attempts = 0, ended_ms = NULL, result_type = NULL, result = NULL
        WHERE id = ? AND state = 'dead' RETURNING fn, kind`,
      ...[Date.now(), id],
    );
    if (dead) return true;
    return this.#get('SELECT 1 FROM calls WHERE id = ?', id) ? false : undefined;
  }

  get(id: string): StoredCall | undefined {
    const row = this.#get('SELECT * FROM calls WHERE id = ?', id);
    return row && callOf(row);
  }

  list({ fn, state, limit, before }: Omit<ListOptions, 'fn'> & { fn?: FullName }): StoredCall[] {
    const states = state === 'failed' ? ['failed', 'dead'] : state ? [state] : [];
    const filters = [
      ...(fn ? ['fn = ?'] : []),
      ...(state ? [`state IN (${states.map(() => '?').join()})`] : []),
      ...(before !== undefined ? ['seq < (SELECT seq FROM calls WHERE id = ?)'] : []),
    ];
    const rows = this.#all(
      `SELECT seq, id, fn, kind, state, path, headers, url, parent, attempts, queued_ms, due_ms, last, ended_ms, body_bytes
        FROM calls ${filters.length > 0 ? `WHERE ${filters.join(' AND ')}` : ''} ORDER BY seq DESC LIMIT ?`,
      ...[...(fn ? [fn] : []), ...states, ...(before !== undefined ? [before] : []), limit],
    );
    return rows.map(callOf);
  }

  /** Queues what other processes had taken, and removes the bodies that no call has. */
  recover(): void {
    this.#change(
      `UPDATE calls SET state = 'queued', owner = NULL, due_ms = min(due_ms, ?)
        WHERE state = 'running' AND owner <> ? RETURNING fn, kind`,
      ...[Date.now(), this.#owner],
    );
    using folder = opendirSync(bodyFolder(this.#dir));
    for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
      // What this process writes may have no record yet.
      if (entry.name.startsWith(this.#owner)) continue;
      if (!this.#get('SELECT 1 FROM calls WHERE file = ?', entry.name)) this.#outdate(entry.name);
    }
  }

  /** Forgets the first of the calls that ended before a moment. Returns how many. */
  forget(endedBeforeMs: number, most: number): number {
    const rows = this.#change(
      `DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE ended_ms < ? ORDER BY ended_ms LIMIT ?)
        RETURNING fn, kind, file`,
      ...[endedBeforeMs, most],
    );
    this.#outdate(...rows.map(({ file }) => file));
    if (rows.length > 0) this.#run('DELETE FROM tallies WHERE calls = 0');
    return rows.length;
  }

  /** Says whether all of a call is there that is needed to make it; ends it when not. */
  #canBeMade({ id, headers, file }: StoredRow): boolean {
    const hasBody = file === null || existsSync(join(bodyFolder(this.#dir), String(file)));
    if (hasBody && fromJson(headers)) return true;
    const error = `its ${hasBody ? 'record is damaged' : 'body is gone from the disk'}: send it again`;
    const nowMs = Date.now();
    this.finish(String(id), { state: 'failed', last: { error, beganMs: nowMs, endedMs: nowMs }, follows: [] });
    return false;
  }

  #lane(fn: FullName, kind: CallKind): StoredLane {
    const rows = this.#all('SELECT state, calls, bytes FROM tallies WHERE fn = ? AND kind = ?', fn, kind);
    const due = this.#get(`SELECT min(due_ms) ms FROM calls WHERE state = 'queued' AND fn = ? AND kind = ?`, fn, kind);
    const bytesOf = (some: StoredRow[]) => some.reduce((sum, { bytes }) => sum + Number(bytes), 0);
    return {
      fn,
      kind,
      calls: Object.fromEntries(rows.map(({ state, calls }) => [state, calls])) as StoredLane['calls'],
      bytes: bytesOf(rows),
      endedBytes: bytesOf(rows.filter(({ state }) => state !== 'queued' && state !== 'running')),
      dueMs: Number(due?.ms ?? Infinity),
    };
  }

  #touch(fn: FullName, kind: CallKind): void {
    this.#touched.set(`${kind} ${fn}`, { fn, kind });
  }

  #outdate(...files: (SQLOutputValue | undefined)[]): void {
    for (const file of files) if (typeof file === 'string') this.#outdated.push(file);
  }

  /** Runs a change that returns the function and the kind of each call. */
  #change(sql: string, ...values: (SQLInputValue | undefined)[]): StoredRow[] {
    const rows = this.#all(sql, ...values);
    for (const { fn, kind } of rows) this.#touch(fn as FullName, kind as CallKind);
    return rows;
  }

  #all(sql: string, ...values: (SQLInputValue | undefined)[]): StoredRow[] {
    return this.#statement(sql).all(...values.map((value) => value ?? null));
  }

  #get(sql: string, ...values: (SQLInputValue | undefined)[]): StoredRow | undefined {
    return this.#statement(sql).get(...values.map((value) => value ?? null));
  }

  #run(sql: string, ...values: (SQLInputValue | undefined)[]) {
    return this.#statement(sql).run(...values.map((value) => value ?? null));
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

import type { V1ObjectMeta } from '@kubernetes/client-node';

/** What every object of the cluster has. */
export interface ClusterObject {
  metadata?: V1ObjectMeta;
}

export interface StoreChange<T> {
  /** What the object is grouped by. */
  group: string;
  before?: T;
  now?: T;
}

/**
 * The objects of one kind in one namespace, as a watch tells them and as our own changes have left them: a change of ours is
 * seen at once, and what the watch tells late does not undo it.
 */
export class ObjectStore<T extends ClusterObject> {
  readonly #objects = new Map<string, T>();
  readonly #groups = new Map<string, Map<string, T>>();
  /** Ids of objects that we have removed, until the watch has told so. */
  readonly #gone = new Set<string>();
  readonly #listeners = new Set<(change: StoreChange<T>) => void>();
  readonly #groupOf: (object: T) => string;

  /** @param groupOf says what objects are found by together, such as the function that they are of; their own name unless given */
  constructor(groupOf: (object: T) => string = nameOf) {
    this.#groupOf = groupOf;
  }

  /** Calls the listener at each change from now on, until the function that it returns is called. */
  onChange(listener: (change: StoreChange<T>) => void): () => void {
    // Of its own, so that each of two that listen with the same function is called.
    const own = (change: StoreChange<T>) => listener(change);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  get(name: string): T | undefined {
    return this.#objects.get(name);
  }

  all(): T[] {
    return [...this.#objects.values()];
  }

  group(group: string): T[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  /** Takes an object as it is now; one that is older than what is known is left out. */
  put(object: T): void {
    const before = this.#objects.get(nameOf(object));
    if (this.#gone.has(uidOf(object)) || (before && isOlder(object, before))) return;
    this.#set(object, before);
  }

  /** Takes an object away that the watch says is gone. */
  remove(object: T): void {
    this.#gone.delete(uidOf(object));
    const before = this.#objects.get(nameOf(object));
    if (before && uidOf(before) === uidOf(object)) this.#unset(before);
  }

  /** Takes an object away that we have removed from the cluster. */
  forget(object: T): void {
    this.remove(object);
    this.#gone.add(uidOf(object));
  }

  /** Takes a whole list: what is not in it is gone. */
  replace(objects: T[]): void {
    const listed = new Set(objects.map(uidOf));
    for (const object of this.all()) if (!listed.has(uidOf(object))) this.#unset(object);
    for (const uid of this.#gone) if (!listed.has(uid)) this.#gone.delete(uid);
    for (const object of objects) this.put(object);
  }

  #set(object: T, before: T | undefined): void {
    if (before) this.#ungroup(before);
    this.#objects.set(nameOf(object), object);
    const group = this.#groupOf(object);
    const members = this.#groups.get(group) ?? new Map<string, T>();
    this.#groups.set(group, members.set(nameOf(object), object));
    this.#tell({ group, before, now: object });
  }

  #unset(before: T): void {
    this.#objects.delete(nameOf(before));
    this.#ungroup(before);
    this.#tell({ group: this.#groupOf(before), before });
  }

  #ungroup(object: T): void {
    const group = this.#groupOf(object);
    const members = this.#groups.get(group);
    members?.delete(nameOf(object));
    if (members?.size === 0) this.#groups.delete(group);
  }

  #tell(change: StoreChange<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

export function nameOf({ metadata }: ClusterObject): string {
  return metadata?.name ?? '';
}

function uidOf({ metadata }: ClusterObject): string {
  return metadata?.uid ?? '';
}

/** Versions are counted by the cluster; where they are no numbers the later word counts. */
function isOlder(object: ClusterObject, known: ClusterObject): boolean {
  const [a, b] = [object, known].map(({ metadata }) => metadata?.resourceVersion ?? '');
  if (a === undefined || b === undefined || !/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return BigInt(a) < BigInt(b);
}

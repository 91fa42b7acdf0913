/** A map that keeps the entries set last, as many as it was given room for: what others name has no end. */
export class NewestMap<Key, Value> extends Map<Key, Value> {
  readonly #room: number;

  constructor(room: number) {
    super();
    this.#room = room;
  }

  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    for (const oldest of this.keys()) {
      if (this.size <= this.#room) break;
      this.delete(oldest);
    }
    return this;
  }
}

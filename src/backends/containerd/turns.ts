import type { FullName } from '../../provider/index.ts';

/** Keeps the order in which changes of a function were asked for, some of which take long before they can be written. */
export class Turns {
  readonly #underWay = new Map<FullName, Turn[]>();

  /** A change is asked for. */
  take(fn: FullName): Turn {
    const turns = this.#underWay.get(fn) ?? [];
    this.#underWay.set(fn, turns);
    const turn = new Turn(turns, () => turns.length === 0 && this.#underWay.delete(fn));
    turns.push(turn);
    return turn;
  }
}

class Turn {
  readonly #turns: Turn[];
  readonly #onEnd: () => void;
  #isOvertaken = false;

  constructor(turns: Turn[], onEnd: () => void) {
    this.#turns = turns;
    this.#onEnd = onEnd;
  }

  /** Whether a later change was written before this one. */
  get isOvertaken(): boolean {
    return this.#isOvertaken;
  }

  /** It is written now, and none that was asked for earlier is to be any more. */
  overtake(): this {
    for (const earlier of this.#turns.slice(0, this.#turns.indexOf(this))) earlier.#isOvertaken = true;
    return this;
  }

  end(): void {
    this.#turns.splice(this.#turns.indexOf(this), 1);
    this.#onEnd();
  }
}

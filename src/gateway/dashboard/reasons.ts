import { fullName, type FunctionStatus, type Provider } from '../../provider/index.ts';

/** How many functions are asked a look: a host whose functions all fail is asked about each in turn. */
const mostAsked = 20;

/** Why functions are not ready, which only the status of each says. */
export class Reasons {
  readonly #provider: Pick<Provider, 'status'>;
  #reasons = new Map<string, string | undefined>();
  #next = 0;

  constructor(provider: Pick<Provider, 'status'>) {
    this.#provider = provider;
  }

  of(key: string): string | undefined {
    return this.#reasons.get(key);
  }

  /** Asks about functions that have fewer replicas than they should. */
  async look(list: FunctionStatus[]): Promise<void> {
    const short = list.filter(({ replicas, availableReplicas }) => availableReplicas < replicas);
    const known = this.#reasons;
    this.#reasons = new Map(short.map((status) => [fullName(status), known.get(fullName(status))]));
    const from = this.#next < short.length ? this.#next : 0;
    const asked = [...short.slice(from), ...short.slice(0, from)].slice(0, mostAsked);
    this.#next = from + asked.length;
    await Promise.all(asked.map((status) => this.#ask(status)));
  }

  async #ask({ name, namespace }: FunctionStatus): Promise<void> {
    try {
      const { berth } = await this.#provider.status({ name, namespace }, { usage: false });
      this.#reasons.set(
        fullName({ name, namespace }),
        berth?.reason ?? (berth?.lastExit && `ended: ${berth.lastExit}`),
      );
    } catch {
      // Gone since the list was made, or asked again by the next look.
    }
  }
}

import { EventFeed, scaleEvent, tellingVerbs, type EventSource, type Provider } from '../provider/index.ts';

/** A provider that tells what happens. */
type ToldProvider = Provider & Required<Pick<Provider, 'events'>>;

/**
 * Returns a provider with a feed of what happens: itself where it has one, as it tells there what its verbs do. Else its verbs
 * tell a feed in memory what they did; what happens without them, such as a crash, is not in it.
 */
export function tellingProvider(provider: Provider): ToldProvider {
  if (hasEvents(provider)) return provider;
  const events = new EventFeed();
  const told: Partial<Provider> = {
    events,
    ...tellingVerbs(provider, events),
    ...tellingRollouts(provider, events),
    scale: tellingScale(provider, events),
  };
  // Whatever else a provider has, and is given later, is its own. It may be of a class with private fields.
  return new Proxy(provider, {
    get(target, key) {
      const own = Object.hasOwn(told, key) ? told[key as keyof Provider] : undefined;
      if (own) return own;
      const member: unknown = Reflect.get(target, key);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  }) as ToldProvider;
}

function hasEvents(provider: Provider): provider is ToldProvider {
  return provider.events !== undefined;
}

/** Of these a back end with a feed tells by itself how they end. */
function tellingRollouts(provider: Provider, events: EventSource): Pick<Provider, 'update' | 'restart'> {
  return {
    async update(deployment, options) {
      const { name, namespace, image } = deployment;
      const outcome = await provider.update(deployment, options);
      const text = outcome === 'ready' ? `was updated: ${image} serves` : `is being updated to ${image}`;
      events.tell({ name, namespace, kind: 'updated', text });
      return outcome;
    },
    restart:
      provider.restart &&
      (async ({ name, namespace }) => {
        await provider.restart?.({ name, namespace });
        events.tell({ name, namespace, kind: 'restarted', text: 'is restarted, as was asked for' });
      }),
  };
}

function tellingScale(provider: Provider, events: EventSource): Provider['scale'] {
  return async ({ name, namespace }, replicas, options) => {
    const count = async () => (await provider.status({ name, namespace }, { usage: false })).replicas;
    // A call wakes what sleeps, and waits meanwhile.
    const from = options?.by === 'call' ? 0 : await count();
    await provider.scale({ name, namespace }, replicas, options);
    // The provider may have kept it within limits of the function.
    const to = options?.by === 'call' ? replicas : await count();
    if (to !== from) events.tell({ name, namespace, ...scaleEvent({ from, to, by: options?.by }) });
  };
}

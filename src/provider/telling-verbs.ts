import type { EventKind, EventSource } from './event-feed.ts';
import type { Provider } from './provider.ts';

type Told = Required<Pick<Provider, 'deploy' | 'remove' | 'rollBack' | 'secrets' | 'namespaces'>>;

/** Returns the same verbs, of which those that change something tell what they did once it is done. */
export function tellingVerbs<Verbs extends Told>(verbs: Verbs, events: EventSource): Verbs {
  const { deploy, remove, rollBack, secrets, namespaces } = verbs;
  const after = async <T>(
    done: Promise<T>,
    kind: EventKind,
    about: { name?: string; namespace?: string },
    text: string,
  ) => {
    const result = await done;
    events.tell({ ...about, kind, text });
    return result;
  };
  const ofSecret = (done: Promise<void>, { name, namespace }: { name: string; namespace: string }, what: string) =>
    after(done, 'secret-changed', { namespace }, `secret ${name} was ${what}`);
  const ofNamespace = (done: Promise<void>, name: string, what: string) =>
    after(done, 'namespace-changed', { namespace: name }, `namespace ${name} was ${what}`);
  return {
    ...verbs,
    deploy: (deployment, options) => {
      const { name, namespace, image } = deployment;
      return after(deploy(deployment, options), 'deployed', { name, namespace }, `was deployed, of ${image}`);
    },
    remove: (fn) => after(remove(fn), 'removed', fn, 'was removed'),
    rollBack: (fn) => after(rollBack(fn), 'rolled-back', fn, 'goes back to the version before, as was asked for'),
    secrets: {
      ...secrets,
      create: (secret) => ofSecret(secrets.create(secret), secret, 'created'),
      update: (secret) => ofSecret(secrets.update(secret), secret, 'given another value'),
      remove: (secret) => ofSecret(secrets.remove(secret), secret, 'removed'),
    },
    namespaces: {
      ...namespaces,
      create: (namespace) => ofNamespace(namespaces.create(namespace), namespace.name, 'created'),
      update: (namespace) => ofNamespace(namespaces.update(namespace), namespace.name, 'changed'),
      remove: (name) => ofNamespace(namespaces.remove(name), name, 'removed'),
    },
  };
}

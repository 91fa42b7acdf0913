import type { EventSource } from './event-feed.ts';
import type { NamespaceVerbs, Provider, SecretVerbs } from './provider.ts';
import type { SecretName } from './types.ts';

type Told = Pick<Provider, 'deploy' | 'remove' | 'rollBack' | 'secrets' | 'namespaces'>;

/** Returns those verbs that change something at once, each of which tells what it did once it is done; what is absent stays so. */
export function tellingVerbs<Verbs extends Told>(verbs: Verbs, events: EventSource): Pick<Verbs, keyof Told> {
  const { secrets, namespaces } = verbs;
  const told: Told = {
    async deploy(deployment, options) {
      const { name, namespace, image } = deployment;
      const outcome = await verbs.deploy(deployment, options);
      events.tell({ name, namespace, kind: 'deployed', text: `was deployed, of ${image}` });
      return outcome;
    },
    async remove({ name, namespace }) {
      await verbs.remove({ name, namespace });
      events.tell({ name, namespace, kind: 'removed', text: 'was removed' });
    },
    rollBack:
      verbs.rollBack &&
      (async ({ name, namespace }) => {
        await verbs.rollBack?.({ name, namespace });
        const text = 'goes back to the version before, as was asked for';
        events.tell({ name, namespace, kind: 'rolled-back', text });
      }),
    secrets: secrets && tellingSecrets(secrets, events),
    namespaces: namespaces && tellingNamespaces(namespaces, events),
  };
  return told;
}

function tellingSecrets(verbs: SecretVerbs, events: EventSource): SecretVerbs {
  const after = async (done: Promise<void>, { name, namespace }: SecretName, what: string) => {
    await done;
    events.tell({ namespace, kind: 'secret-changed', text: `secret ${name} was ${what}` });
  };
  return {
    list: (namespace) => verbs.list(namespace),
    create: (secret) => after(verbs.create(secret), secret, 'created'),
    update: (secret) => after(verbs.update(secret), secret, 'given another value'),
    remove: (secret) => after(verbs.remove(secret), secret, 'removed'),
  };
}

function tellingNamespaces(verbs: NamespaceVerbs, events: EventSource): NamespaceVerbs {
  const after = async (done: Promise<void>, namespace: string, what: string) => {
    await done;
    events.tell({ namespace, kind: 'namespace-changed', text: `namespace ${namespace} was ${what}` });
  };
  return {
    list: () => verbs.list(),
    get: (name) => verbs.get(name),
    create: (namespace) => after(verbs.create(namespace), namespace.name, 'created'),
    update: (namespace) => after(verbs.update(namespace), namespace.name, 'changed'),
    remove: (name) => after(verbs.remove(name), name, 'removed'),
  };
}

import { status } from '@grpc/grpc-js';
import { ContainerdError, type Containerd } from '../../../../src/containerd/index.ts';

/** containerd's rule for identifiers: https://github.com/containerd/containerd/blob/v2.1.0/pkg/identifiers/validate.go */
const identifier = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;
const labelBytes = 4096;

interface StoredNamespace {
  name: string;
  labels: Record<string, string>;
}

/** Stands in for containerd as far as namespaces go: it refuses what containerd refuses, and keeps no empty label. */
export function containerdNamespaces(): Containerd {
  const all = new Map<string, StoredNamespace>();
  const refused = (code: status, details: string) =>
    Promise.reject(new ContainerdError({ method: 'Namespaces.Create', address: 'stand-in' }, code, details));
  const put = ({ name, labels }: StoredNamespace) => {
    if (name.length > 76 || !identifier.test(name)) return refused(status.INVALID_ARGUMENT, 'identifier');
    for (const [key, value] of Object.entries(labels)) {
      const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
      if (bytes > labelBytes) return refused(status.INVALID_ARGUMENT, 'label key and value length');
      if (key === '') return refused(status.UNKNOWN, 'key required');
      if (!`${key}${value}`.isWellFormed()) return refused(status.INTERNAL, 'invalid UTF-8');
    }
    all.set(name, { name, labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== '')) });
    return Promise.resolve();
  };
  const namespaces = {
    list: () => Promise.resolve([...all.values()]),
    get: (name: string) => {
      const found = all.get(name);
      return found ? Promise.resolve(found) : refused(status.NOT_FOUND, name);
    },
    create: (namespace: StoredNamespace) =>
      all.has(namespace.name) ? refused(status.ALREADY_EXISTS, namespace.name) : put(namespace),
    update: put,
    delete: (name: string) => (all.delete(name) ? Promise.resolve() : refused(status.NOT_FOUND, name)),
  };
  return { namespaces } as unknown as Containerd;
}

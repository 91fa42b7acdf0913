import { quote } from '../base/quote.ts';
import { RegistryError } from './registry-error.ts';

/** A normalised image reference: `docker.io/library/nginx:1.27` for `nginx:1.27`. */
export interface Reference {
  /** Host and port of the registry as the reference names them, `docker.io` for Docker Hub. */
  registry: string;
  repository: string;
  tag?: string;
  digest?: string;
  /** The whole reference, normalised: what containerd and its other clients call the image. */
  name: string;
}

const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(`^(?:${domainLabel}(?:\\.${domainLabel})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);
const componentPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;
const maxNameLength = 255;
/** A name, a tag and the longest digest. */
const maxTextLength = maxNameLength + 1 + 128 + 1 + 135;

/**
 * Reads an image reference by Docker's rules (https://pkg.go.dev/github.com/distribution/reference): no registry means
 * Docker Hub, no tag and no digest means `latest`.
 * @throws RegistryError of kind `invalid-reference` when it is none, saying which part is wrong
 */
export function parseReference(text: string): Reference {
  const refuse = (what: string) =>
    new RegistryError('invalid-reference', `invalid image reference ${quote(text)}: ${what}`);
  if (text.length > maxTextLength) throw refuse(`it is longer than ${maxTextLength} characters`);
  if (text === '') throw refuse('it is empty');
  if (/^[a-f0-9]{64}$/.test(text)) throw refuse('it is a bare id; write REGISTRY/NAME@sha256:ID');

  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw refuse('it has more than one "@"');
  if (digest !== undefined && !isDigest(digest)) throw refuse('after "@" comes sha256: and 64 lower case hex digits');

  const { registry, rest } = splitRegistry(named);
  const tagAt = rest.indexOf(':');
  const path = tagAt < 0 ? rest : rest.slice(0, tagAt);
  const tag = tagAt < 0 ? undefined : rest.slice(tagAt + 1);
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;

  if (!domainPattern.test(registry)) throw refuse(`${quote(registry)} is no registry host`);
  if (path === '') throw refuse('it names no repository');
  if (path !== path.toLowerCase()) throw refuse('the repository must be lower case');
  if (!repository.split('/').every((component) => componentPattern.test(component))) {
    throw refuse(`${quote(path)} is no repository name`);
  }
  if (`${registry}/${repository}`.length > maxNameLength) throw refuse(`it is longer than ${maxNameLength} characters`);
  if (tag !== undefined && !tagPattern.test(tag)) throw refuse(`${quote(tag)} is no tag`);

  return reference({ registry, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest });
}

/** Refers to the same repository's object of a digest, whatever the tag says today. */
export function referenceByDigest({ registry, repository }: Reference, digest: string): Reference {
  return reference({ registry, repository, digest });
}

/** Says whether a text is a digest that is safe in a URL and that this client can verify. */
export function isDigest(text: string): boolean {
  return digestPattern.test(text);
}

/** Says whether a registry is on this host, where it speaks plain HTTP unless its port is 443. */
export function isLoopback(registry: string): boolean {
  const hostname = registry.replace(/:\d+$/, '');
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

function reference({ registry, repository, tag, digest }: Omit<Reference, 'name'>): Reference {
  const name = `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }), name };
}

function splitRegistry(named: string): { registry: string; rest: string } {
  const slashAt = named.indexOf('/');
  const first = named.slice(0, Math.max(slashAt, 0));
  const isHost = first === 'localhost' || /[.:A-Z]/.test(first);
  if (!isHost) return { registry: 'docker.io', rest: named };
  return { registry: first === 'index.docker.io' ? 'docker.io' : first, rest: named.slice(slashAt + 1) };
}

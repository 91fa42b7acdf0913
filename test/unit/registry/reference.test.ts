import test from 'ava';
import fc from 'fast-check';
import { isDigest, parseReference, referenceByDigest, RegistryError } from '../../../src/registry/index.ts';

const hex = 'a'.repeat(64);

const normalised: Record<string, string> = {
  nginx: 'docker.io/library/nginx:latest',
  'nginx:1.27': 'docker.io/library/nginx:1.27',
  'functions/alpine': 'docker.io/functions/alpine:latest',
  'index.docker.io/nginx': 'docker.io/library/nginx:latest',
  'docker.io/nginx': 'docker.io/library/nginx:latest',
  'ghcr.io/openfaas/figlet:latest': 'ghcr.io/openfaas/figlet:latest',
  'localhost/fn': 'localhost/fn:latest',
  'localhost:5000/a/b/c:v1': 'localhost:5000/a/b/c:v1',
  '[::1]:5000/fn': '[::1]:5000/fn:latest',
  'registry:5000/fn': 'registry:5000/fn:latest',
  'Registry/fn': 'Registry/fn:latest',
  'fn__x/a--b.c_d': 'docker.io/fn__x/a--b.c_d:latest',
  [`nginx@sha256:${hex}`]: `docker.io/library/nginx@sha256:${hex}`,
  [`r.io/nginx:1@sha256:${hex}`]: `r.io/nginx:1@sha256:${hex}`,
};

for (const [text, name] of Object.entries(normalised)) {
  test(`${text} is ${name}`, (t) => t.is(parseReference(text).name, name));
}

const refused: Record<string, RegExp> = {
  '': /is empty/,
  [hex]: /bare id/,
  'Nginx:latest': /must be lower case/,
  'r.io/Fn': /must be lower case/,
  'nginx:': /"" is no tag/,
  'nginx:a b': /is no tag/,
  ':latest': /names no repository/,
  'r.io/': /names no repository/,
  'a//b': /is no repository name/,
  'a/../b': /is no repository name/,
  'https://r.io/fn': /is no registry host/,
  'nginx@sha256:abc': /64 lower case hex/,
  'nginx@md5:d41d8cd98f00b204e9800998ecf8427e': /64 lower case hex/,
  [`nginx@sha256:${hex}@sha256:${hex}`]: /more than one "@"/,
  [`r.io/${'a'.repeat(256)}`]: /longer than 255/,
  [`nginx:${'a'.repeat(129)}`]: /is no tag/,
  'r.io:port/fn': /is no registry host/,
  'nginx\n': /is no repository name/,
};

for (const [text, message] of Object.entries(refused)) {
  test(`${JSON.stringify(text).slice(0, 50)} is refused, saying why`, (t) => {
    t.like(
      t.throws(() => parseReference(text), { instanceOf: RegistryError, message }),
      { kind: 'invalid-reference' },
    );
  });
}

test('any text is either refused or normalised to a name that normalises to itself', (t) => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/@_-]{0,60}$/));
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const reference = parseReference(text);
        t.deepEqual(parseReference(reference.name), reference);
      } catch (error) {
        t.true(error instanceof RegistryError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('every part of a well formed reference is found again', (t) => {
  const host = fc.stringMatching(/^[a-z0-9]{1,8}\.[a-z]{2,5}(:[0-9]{1,4})?$/);
  const path = fc.stringMatching(/^[a-z0-9]{1,8}([-._/][a-z0-9]{1,8}){0,3}$/);
  const tag = fc.option(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}$/), { nil: undefined });
  const digest = fc.option(fc.stringMatching(/^sha256:[a-f0-9]{64}$/), { nil: undefined });
  fc.assert(
    fc.property(host, path, tag, digest, (registry, repository, tag, digest) => {
      const text = `${registry}/${repository}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`;
      const found = parseReference(text);
      t.is(found.registry, registry);
      t.is(found.repository, repository);
      t.is(found.tag, tag ?? (digest ? undefined : 'latest'));
      t.is(found.digest, digest);
    }),
  );
});

test('a reference by digest drops the tag', (t) => {
  t.is(referenceByDigest(parseReference('fn:v1'), `sha256:${hex}`).name, `docker.io/library/fn@sha256:${hex}`);
});

test('a digest that could change a path is none', (t) => {
  t.true(isDigest(`sha256:${hex}`));
  t.true(isDigest(`sha512:${'0'.repeat(128)}`));
  for (const text of ['sha256:../../x', `sha256:${hex.toUpperCase()}`, `sha256:${hex}\n`, 'latest'])
    t.false(isDigest(text));
});

test('a reference without end is refused before it is looked at, and shown in part', (t) => {
  for (const text of ['a'.repeat(1_000_000), `${'a-'.repeat(500_000)}!`, '@'.repeat(1_000_000)]) {
    const error = t.throws(() => parseReference(text), {
      instanceOf: RegistryError,
      message: /longer than 520 charac/,
    });
    t.true((error?.message.length ?? 0) < 200);
  }
});

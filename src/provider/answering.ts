import type { ProviderError } from './provider-errors.ts';

type Verb = (...args: unknown[]) => Promise<unknown>;
type ToAnswer = (error: unknown) => ProviderError;

/**
 * Returns the same verbs and groups of verbs, each of which rejects with a ProviderError whatever was thrown below.
 * @param toAnswer makes one of what a back end throws
 */
export function answering<Verbs extends object>(verbs: Verbs, toAnswer: ToAnswer): Verbs {
  const entries = Object.entries(verbs).map(([name, verb]: [string, Verb | object]) => [
    name,
    typeof verb === 'function' ? answeringVerb(verb as Verb, toAnswer) : answering(verb, toAnswer),
  ]);
  return Object.fromEntries(entries) as Verbs;
}

function answeringVerb(verb: Verb, toAnswer: ToAnswer): Verb {
  return async (...args) => {
    try {
      return await verb(...args);
    } catch (error) {
      throw toAnswer(error);
    }
  };
}

import { toProviderError } from './to-provider-error.ts';

type Verb = (...args: unknown[]) => Promise<unknown>;

/** Returns the same verbs and groups of verbs, each of which rejects with a ProviderError whatever was thrown below. */
export function answering<Verbs extends object>(verbs: Verbs): Verbs {
  const entries = Object.entries(verbs).map(([name, verb]: [string, Verb | object]) => [
    name,
    typeof verb === 'function' ? answeringVerb(verb as Verb) : answering(verb),
  ]);
  return Object.fromEntries(entries) as Verbs;
}

function answeringVerb(verb: Verb): Verb {
  return async (...args) => {
    try {
      return await verb(...args);
    } catch (error) {
      throw toProviderError(error);
    }
  };
}

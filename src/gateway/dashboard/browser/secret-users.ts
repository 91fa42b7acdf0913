import type { FunctionStatus } from '../../../provider/index.ts';

/** Returns the functions of a namespace that name a secret, also for the logins of their images. */
export function usersOf(secret: string, functions: FunctionStatus[]): FunctionStatus[] {
  return functions.filter(
    ({ secrets = [], annotations }) =>
      secrets.includes(secret) || annotations['com.openfaas.image.pull-secret']?.trim() === secret,
  );
}

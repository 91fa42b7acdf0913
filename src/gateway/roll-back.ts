import { NotImplementedError, parseStatusRequest, type Handler, type Provider } from '../provider/index.ts';

/** POST /system/rollback-function/:name: a function's previous version serves again. */
export function rollBackHandler({
  provider,
  defaultNamespace,
}: {
  provider: Provider;
  defaultNamespace: string;
}): Handler {
  return async (ctx) => {
    if (!provider.rollBack) throw new NotImplementedError('rollBack');
    const query = { query: new URLSearchParams(ctx.querystring), defaultNamespace };
    const { name, namespace } = parseStatusRequest(ctx.params.name, query);
    await provider.rollBack({ name, namespace });
    ctx.status = 202;
    ctx.body = '';
  };
}

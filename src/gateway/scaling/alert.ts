import { z } from 'zod';
import { firstIssue } from '../../base/first-issue.ts';
import { describeError, type Log } from '../../base/log.ts';
import {
  BadRequestError,
  fullName,
  parseFullName,
  quote,
  ProviderError,
  type FunctionName,
  type Handler,
  type Provider,
  workloadOf,
} from '../../provider/index.ts';

export interface AlertOptions {
  provider: Provider;
  defaultNamespace: string;
  log: Log;
}

interface Alert {
  function: FunctionName;
  firing: boolean;
}

const shownFailures = 5;

const labels = z.object({ function_name: z.string().min(1) });
const webhook = z.object({ alerts: z.array(z.object({ status: z.enum(['firing', 'resolved']), labels })) });

/**
 * Makes the handler of Alertmanager's webhook. A firing alert adds `com.openfaas.scale.factor` percent of the function's most
 * replicas, a resolved one takes it back to its fewest.
 * Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
export function alertHandler(options: AlertOptions): Handler {
  return async (ctx) => {
    const alerts = parseAlerts(ctx.request.body, options.defaultNamespace);
    const errors: { alert: Alert; error: unknown }[] = [];
    // One after the other: two alerts may be about one function.
    for (const alert of alerts)
      await scaleByAlert(alert, options).catch((error: unknown) => errors.push({ alert, error }));
    const failed = errors.map(({ alert, error }) => `${fullName(alert.function)}: ${toldError(error)}`);
    if (failed.length > 0) {
      const status = errors.every(({ error }) => isStatus(error, 404)) ? 404 : 500;
      const cause = new AggregateError(errors.map(({ error }) => error));
      const message = `${failed.length} of ${alerts.length} alerts failed: ${failed.slice(0, shownFailures).join('; ')}`;
      throw new ProviderError(status, message, { cause });
    }
    ctx.status = 200;
    ctx.body = '';
  };
}

async function scaleByAlert({ function: fn, firing }: Alert, { provider, log }: AlertOptions): Promise<void> {
  const status = await provider.status(fn, { usage: false });
  const { replicas } = status;
  const { min, max, alertStep } = workloadOf(status).scaling;
  // The end of an alert is no reason to wake what sleeps.
  const resolved = replicas === 0 ? 0 : min;
  const wanted = firing ? Math.max(replicas, Math.min(replicas + alertStep, max)) : resolved;
  if (wanted === replicas) return;
  await provider.scale(fn, wanted, { durable: false });
  log.info('function scaled by alert', { function: fullName(fn), from: replicas, to: wanted });
}

/** @throws BadRequestError when the body is no webhook, naming the field */
function parseAlerts(body: unknown, defaultNamespace: string): Alert[] {
  const result = webhook.safeParse(body);
  if (!result.success) {
    const reason = firstIssue(result.error, 'the body');
    throw new BadRequestError(`not a webhook of Alertmanager's: ${reason}`, { cause: result.error });
  }
  return result.data.alerts.map(({ status, labels }) => ({
    function: parseFunction(labels.function_name, defaultNamespace),
    firing: status === 'firing',
  }));
}

function parseFunction(text: string, defaultNamespace: string): FunctionName {
  const fn = parseFullName(text, defaultNamespace);
  if (!fn) throw new BadRequestError(`function_name ${quote(text)} is no function: write NAME or NAME.NAMESPACE`);
  return fn;
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof ProviderError && error.status === status;
}

/** Says to the caller what failed; an error that is not meant for callers is in the log alone. */
function toldError(error: unknown): string {
  return error instanceof ProviderError ? describeError(error) : 'internal error';
}

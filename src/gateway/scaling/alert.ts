import { z } from 'zod';
import { firstIssue } from '../../base/first-issue.ts';
import { describeError, type Log } from '../../base/log.ts';
import {
  BadRequestError,
  FunctionNotFoundError,
  fullName,
  parseFullName,
  quote,
  ProviderError,
  type FunctionName,
  type Handler,
  type Provider,
  workloadOf,
} from '../../provider/index.ts';
import type { AlertHolds } from './alert-holds.ts';
import { changeHolds } from './change-holds.ts';

export interface AlertOptions {
  provider: Provider;
  holds: AlertHolds;
  defaultNamespace: string;
  log: Log;
}

interface Alert {
  function: FunctionName;
  firing: boolean;
  /** What tells it from other alerts of the same function. */
  key: string;
}

const shownFailures = 5;

const alertForm = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: z.record(z.string(), z.string()).default({}),
  fingerprint: z.string().optional(),
});
const webhook = z.object({ alerts: z.array(z.unknown()) });

/**
 * Makes the handler of Alertmanager's webhook. A firing alert adds `com.openfaas.scale.factor` percent of the function's most
 * replicas, which stay until it is resolved. Alerts about anything but functions that are there are passed over, as their
 * batch would be sent again and again.
 * Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
export function alertHandler(options: AlertOptions): Handler {
  return async (ctx) => {
    const alerts = parseAlerts(ctx.request.body, options);
    const errors: { alert: Alert; error: unknown }[] = [];
    // One after the other: two alerts may be about one function.
    for (const alert of alerts)
      await scaleByAlert(alert, options).catch((error: unknown) => {
        if (!(error instanceof FunctionNotFoundError)) return void errors.push({ alert, error });
        options.log.warn('alert passed over: there is no such function', { function: fullName(alert.function) });
      });
    const failed = errors.map(({ alert, error }) => `${fullName(alert.function)}: ${toldError(error)}`);
    if (failed.length > 0) {
      const cause = new AggregateError(errors.map(({ error }) => error));
      const message = `${failed.length} of ${alerts.length} alerts failed: ${failed.slice(0, shownFailures).join('; ')}`;
      throw new ProviderError(500, message, { cause });
    }
    ctx.status = 200;
    ctx.body = '';
  };
}

async function scaleByAlert({ function: fn, firing, key }: Alert, options: AlertOptions): Promise<void> {
  const { provider, holds } = options;
  const status = await provider.status(fn, { usage: false });
  const { replicas: from } = status;
  const { min, max, alertStep } = workloadOf(status).scaling;
  if (!firing) {
    // An alert from before the start of the process is taken back as OpenFaaS does. Its end is no reason to wake what sleeps.
    const without = Math.max(min, (await changeHolds(options, () => holds.resolved(fn, key, from))) ?? min);
    if (from > 0) await scale(fn, { from, to: without }, options);
    return;
  }
  const to = Math.max(from, Math.min(from + alertStep, max));
  if (to === from) return;
  await scale(fn, { from, to }, options);
  // The host may have had no room for all.
  const { replicas } = await provider.status(fn, { usage: false });
  const added = { from, to: Math.max(from, Math.min(to, replicas)) };
  await changeHolds(options, () => holds.fired(fn, key, added));
}

async function scale(fn: FunctionName, { from, to }: { from: number; to: number }, options: AlertOptions) {
  if (to === from) return;
  await options.provider.scale(fn, to, { durable: false, by: 'alert' });
  options.log.info('function scaled by alert', { function: fullName(fn), from, to });
}

/** @throws BadRequestError when the body is no webhook, or none of its alerts can be read, naming the field */
function parseAlerts(body: unknown, { defaultNamespace, log }: AlertOptions): Alert[] {
  const { alerts } = required(webhook.safeParse(body));
  const forms = alerts.map((alert) => alertForm.safeParse(alert));
  const [first] = forms;
  if (first && !forms.some(({ success }) => success)) required(first);
  return forms.flatMap((form) => {
    if (!form.success) {
      log.warn("alert passed over: it is not of the form of Alertmanager's", { reason: firstIssue(form.error, 'it') });
      return [];
    }
    const { status, labels, fingerprint } = form.data;
    const { function_name: name = '', alertname = '' } = labels;
    const fn = parseFullName(name, defaultNamespace);
    if (fn) return [{ function: fn, firing: status === 'firing', key: fingerprint ?? alertname }];
    log.warn('alert passed over: its label function_name is not NAME or NAME.NAMESPACE', {
      alertname: quote(alertname),
      function_name: quote(name),
    });
    return [];
  });
}

function required<T>(result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data;
  const reason = firstIssue(result.error, 'the body');
  throw new BadRequestError(`not a webhook of Alertmanager's: ${reason}`, { cause: result.error });
}

/** Says to the caller what failed; an error that is not meant for callers is in the log alone. */
function toldError(error: unknown): string {
  return error instanceof ProviderError ? describeError(error) : 'internal error';
}

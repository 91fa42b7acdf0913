import path from 'node:path';
import { parseArgs } from 'node:util';
import { readDaemonConfig, type Config } from '../daemon/index.ts';
import { fullName, type FunctionStatus } from '../provider/index.ts';
import { planApply, planPrune, readStackFiles, type ApplyStep } from '../stack/index.ts';
import { ApiClient } from './api-client.ts';
import { appliedOf, FunctionApplier, type Applied } from './function-applier.ts';
import { UsageError, type Cli, type Verb } from './verb.ts';

const usage = `DIR|FILE [--prune] [--dry-run] [--json]

Deploys the functions of a file in faas-cli's stack format, or of all such files (*.yml, *.yaml) of a folder. What is so
already is not started anew. Where a file is wrong, nothing is done.

  --prune    remove the functions that were applied from this file or folder before, and are not in it any more
  --dry-run  say what would be done, and do nothing
  --json     print one object: functions, each with name, namespace, action (added, changed, unchanged, pruned) and error`;

const options = { prune: { type: 'boolean' }, 'dry-run': { type: 'boolean' }, json: { type: 'boolean' } } as const;

export const applyVerb: Verb = {
  name: 'apply',
  summary: 'deploy functions from files',
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [named = '', ...more] = positionals;
    if (named === '' || more.length > 0) throw new UsageError('name one folder or file');
    const config = readDaemonConfig(cli.env);
    const from = path.resolve(named);
    const applier = new FunctionApplier(await ApiClient.open(config), cli.signal);
    const steps = await stepsOf(from, { applier, config, cli, prune: values.prune ?? false });
    const print = values.json ? () => {} : (applied: Applied) => tell(applied, cli);
    const done: Applied[] = [];
    const onDone = (applied: Applied) => {
      done.push(applied);
      print(applied);
    };
    if (values['dry-run']) steps.map(appliedOf).forEach(onDone);
    else await applier.take(steps, onDone);
    if (values.json) cli.stdout.write(`${JSON.stringify({ functions: done })}\n`);
    else cli.stdout.write(summaryOf(done, values['dry-run'] ?? false));
    return done.some(({ error }) => error !== undefined) ? 1 : 0;
  },
};

interface StepsOptions {
  applier: FunctionApplier;
  config: Config;
  cli: Cli;
  prune: boolean;
}

/** @throws Error where something is wrong with the files, after each of it was told */
async function stepsOf(from: string, { applier, config, cli, prune }: StepsOptions): Promise<ApplyStep[]> {
  const { defaultNamespace } = config;
  const { functions, problems, warnings } = await readStackFiles(from, { env: cli.env, defaultNamespace });
  for (const said of [...warnings, ...problems]) cli.stderr.write(`${said}\n`);
  if (problems.length > 0) throw new Error('nothing was done: mend the files first');
  const namespaces = await applier.namespaces();
  const strange = functions.filter(({ deployment }) => !namespaces.includes(deployment.namespace));
  const [first] = strange;
  if (first) {
    const { namespace } = first.deployment;
    const where = `${first.file}:${first.line}: function ${fullName(first.deployment)}`;
    throw new Error(`${where}: create its namespace first, e.g. faas-cli namespace create ${namespace}`);
  }
  const present = (await applier.present(namespaces)).map((status) => withoutOurLabel(status, config));
  const steps = planApply(functions, present);
  if (!prune) return steps;
  const covers = (file: string) => file === from || path.dirname(file) === from;
  return [...steps, ...planPrune(functions, await applier.withFiles(present), covers)];
}

/** With faas_function_label the list has a label that nobody sent. */
function withoutOurLabel(status: FunctionStatus, { functionLabel }: Config): FunctionStatus {
  const { faas_function: name, ...labels } = status.labels;
  return functionLabel && name === status.name ? { ...status, labels } : status;
}

function tell(applied: Applied, { stdout, stderr }: Cli): void {
  const { action, error, from } = applied;
  if (error === undefined) stdout.write(`${action.padEnd('unchanged'.length)}  ${fullName(applied)}\n`);
  else stderr.write(`${from ? `${from}: ` : ''}function ${fullName(applied)}: ${error}\n`);
}

function summaryOf(done: Applied[], isDry: boolean): string {
  const well = done.filter(({ error }) => error === undefined);
  const counts = (['added', 'changed', 'unchanged', 'pruned'] as const).map(
    (action) => `${well.filter((each) => each.action === action).length} ${action}`,
  );
  const failed = done.length - well.length;
  const all = [...counts, ...(failed > 0 ? [`${failed} failed`] : [])].join(', ');
  return isDry ? `would be: ${all}\n` : `${all}\n`;
}

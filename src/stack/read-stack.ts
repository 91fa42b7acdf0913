import path from 'node:path';
import type { z } from 'zod';
import { absentAs } from '../base/absent-file.ts';
import { describeError } from '../base/log.ts';
import { readPlainFile } from '../base/read-plain-file.ts';
import { deploymentOf, type Environment, type FunctionDeployment } from '../provider/index.ts';
import { ExpandError, expandVariables } from './expand-variables.ts';
import {
  environmentFile,
  isKnownField,
  readDocument,
  stack,
  stackFunction,
  type StackDocument,
  type StackProblem,
} from './stack-document.ts';

/** What a file in faas-cli's stack format says. */
export interface StackFile {
  path: string;
  /** None where there are problems. */
  functions: StackFunction[];
  /** Files beside it that it was read with. */
  environmentFiles: string[];
  /** What is wrong, each with file and line. */
  problems: string[];
  /** What is passed over, each with file and line. */
  warnings: string[];
}

export interface StackFunction {
  deployment: FunctionDeployment;
  file: string;
  line: number;
}

export interface ReadStackOptions {
  /** Variables for `${NAME}`. */
  env: Environment;
  /** Of functions that name none. */
  defaultNamespace: string;
}

/** More than anybody writes. */
const mostCharacters = 4 * 1024 * 1024;

/** Reads one file in faas-cli's stack format. Never throws: what is wrong is among the problems, and then there are no functions. */
export async function readStack(file: string, options: ReadStackOptions): Promise<StackFile> {
  return new StackReading(file, options).file();
}

/**
 * Does so with a text that somebody sent: what it names of this host, its files and its variables, is a problem, and is not looked
 * at.
 */
export async function readStackText(text: string, defaultNamespace: string): Promise<StackFile> {
  return new StackReading('stack.yml', { env: {}, defaultNamespace, text }).file();
}

/** The reading of one file, with what is found on the way. */
class StackReading {
  readonly environmentFiles: string[] = [];
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly #file: string;
  readonly #options: ReadStackOptions & { text?: string };

  /** With `text` that is read, and no file. */
  constructor(file: string, options: ReadStackOptions & { text?: string }) {
    this.#file = file;
    this.#options = options;
  }

  async file(): Promise<StackFile> {
    const functions = await this.#read();
    const { environmentFiles, problems, warnings } = this;
    return { path: this.#file, functions: problems.length > 0 ? [] : functions, environmentFiles, problems, warnings };
  }

  async #read(): Promise<StackFunction[]> {
    const document = await this.#document();
    // Whoever writes it may just have begun.
    if (document?.value === null)
      this.#problem({ line: 1, message: 'is empty: delete it to have its functions removed' });
    if (document?.value === null || document?.value === undefined) return [];
    const found = this.#check(stack, document, []);
    if (!found) return [];
    const { provider, functions, environment } = found;
    const name = provider?.name ?? 'openfaas';
    const wrong = !['openfaas', 'faas'].includes(name) && `provider.name is ${name}, which must be openfaas`;
    if (wrong) this.#problem({ line: document.lineOf(['provider', 'name']), message: wrong });
    if (!functions && environment === undefined) this.#problem({ line: 1, message: 'has no functions' });
    const read: StackFunction[] = [];
    for (const key of Object.keys(functions ?? {})) read.push(...(await this.#function(document, key)));
    return read;
  }

  async #document(): Promise<StackDocument | undefined> {
    const { env, text: sent } = this.#options;
    const onUnset = (name: string, line: number) => {
      const message = `\${${name}} has no value here: write what it stands for, or \${${name}:-default}`;
      if (sent !== undefined) this.#problem({ line, message });
    };
    try {
      const text = sent ?? (await readPlainFile(this.#file));
      if (text.length > mostCharacters) throw new Error(`it has more than ${mostCharacters} characters`);
      const document = readDocument(expandVariables(text, env, onUnset));
      for (const problem of document.problems) this.#problem(problem);
      return document;
    } catch (error) {
      this.#problem({ line: error instanceof ExpandError ? error.line : 0, message: describeError(error) });
      return undefined;
    }
  }

  async #function(document: StackDocument, name: string): Promise<StackFunction[]> {
    const at = ['functions', name];
    const found = this.#check(stackFunction, document, at);
    if (!found) return [];
    const line = document.lineOf(at);
    const { functions } = document.value as { functions: Record<string, Record<string, unknown>> };
    for (const field of Object.keys(functions[name] ?? {}).filter((each) => !isKnownField(each)))
      this.warnings.push(this.#place(document.lineOf([...at, field]), `function ${name}: ${field} is not known`));
    try {
      const environment = { ...found.environment, ...(await this.#environmentFiles(found.environment_file ?? [])) };
      const deployment = deploymentOf(bodyOf(name, { ...found, environment }), this.#options.defaultNamespace);
      return [{ deployment, file: this.#file, line }];
    } catch (error) {
      this.#problem({ line, message: `function ${name}: ${describeError(error)}` });
      return [];
    }
  }

  /** Reads the variables of those files, of which a later one goes before one that is named earlier. */
  async #environmentFiles(names: string[]): Promise<Record<string, string>> {
    const variables: Record<string, string> = {};
    if (this.#options.text !== undefined && names.length > 0)
      throw new Error('environment_file is a file of yours: write its variables under environment');
    for (const name of names) {
      const file = path.resolve(path.dirname(this.#file), name);
      this.environmentFiles.push(file);
      const text = await readPlainFile(file).catch(absentAs(undefined));
      if (text === undefined) throw new Error(`environment_file ${file} is not there`);
      const { value, problems } = readDocument(text);
      const parsed = environmentFile.safeParse(value ?? {});
      const [problem = parsed.error?.issues[0]] = problems;
      if (problem) throw new Error(`environment_file ${file}: ${problem.message}`);
      Object.assign(variables, parsed.data?.environment);
    }
    return variables;
  }

  /** Returns what a path of the document leads to in the schema's shape; undefined where it has another, which is told. */
  #check<T extends z.ZodType>(schema: T, document: StackDocument, at: string[]): z.output<T> | undefined {
    const value = at.reduce<unknown>((from, key) => (from as Record<string, unknown>)[key], document.value);
    const { success, data, error } = schema.safeParse(value);
    if (success) return data;
    for (const issue of error.issues) {
      const where = [...at, ...issue.path];
      const what = where.length > 0 ? `${where.join('.')} ` : '';
      this.#problem({ line: document.lineOf(where), message: `${what}${issue.message}` });
    }
    return undefined;
  }

  #problem({ line, message }: StackProblem): void {
    this.problems.push(this.#place(line, message));
  }

  #place(line: number, message: string): string {
    return `${this.#file}${line > 0 ? `:${line}` : ''}: ${message}`;
  }
}

/** Returns the body by which faas-cli would ask for the function. */
function bodyOf(service: string, found: z.output<typeof stackFunction>): Record<string, unknown> {
  const { image, namespace, fprocess, environment, secrets, constraints, labels, annotations, limits, requests } =
    found;
  const isReadOnly = found.readonly_root_filesystem?.toLowerCase() === 'true';
  const body = {
    ...{ service, image, namespace, envProcess: fprocess, envVars: environment },
    ...{ secrets, constraints, labels, annotations, limits, requests },
    readOnlyRootFilesystem: isReadOnly || undefined,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => !isEmpty(value)));
}

/** As Go leaves it out of what it sends. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === '') return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

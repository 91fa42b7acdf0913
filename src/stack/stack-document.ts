import { isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { optional } from '../provider/index.ts';

/** What is wrong in a file, and where. */
export interface StackProblem {
  /** From 1. */
  line: number;
  message: string;
}

/** A file of YAML whose values are texts, as Go reads them: `08` and `true` stay as they are written. */
export interface StackDocument {
  value: unknown;
  /** Returns the line of what a path leads to, or of the nearest that is there. */
  lineOf(path: PropertyKey[]): number;
  problems: StackProblem[];
}

const nothing = ['', '~', 'null', 'Null', 'NULL'];

/** Reads YAML 1.2 with merge keys and anchors. Never throws: what is wrong is among the problems. */
export function readDocument(text: string): StackDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', merge: true, lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(({ message, pos }) => ({ message, line: lines.linePos(pos[0]).line }));
  const lineOf = (path: PropertyKey[]) => lines.linePos(positionOf(document, path)).line;
  visit(document, {
    Scalar(key, node) {
      if (key !== 'key' && node.type === 'PLAIN' && !node.tag && nothing.includes(String(node.source)))
        node.value = null;
    },
  });
  try {
    return { value: problems.length > 0 ? undefined : document.toJS(), lineOf, problems };
  } catch (error) {
    // Anchors that multiply beyond reason.
    return { value: undefined, lineOf, problems: [{ message: (error as Error).message, line: 1 }] };
  }
}

function positionOf(document: Document, path: PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    const key = keyOf(document, path.slice(0, length));
    const at = key ?? (node as { range?: [number, number, number] } | undefined)?.range?.[0];
    if (at !== undefined) return at;
  }
  return 0;
}

/** Returns where the key of a map's entry stands: its value may begin lines below. */
function keyOf(document: Document, path: PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const items = (parent as { items?: unknown[] } | undefined)?.items ?? [];
  const pair = items.find((item) => {
    const key = (item as { key?: unknown } | null)?.key;
    return isScalar(key) && key.value === path.at(-1);
  });
  return (pair as { key: { range?: [number, number, number] } } | undefined)?.key.range?.[0];
}

const text = z
  .string({ error: 'must be text' })
  .nullable()
  .transform((value) => value ?? '');
const texts = optional(z.array(text, { error: 'must be a list of texts' }));
const textMap = optional(z.record(z.string(), text, { error: 'must be a map of texts' }));
const bool = optional(z.enum(['true', 'false', 'True', 'False', 'TRUE', 'FALSE'], { error: 'must be true or false' }));

/** A function of a stack file, as far as a deployment needs it. */
export const stackFunction = z.object(
  {
    image: optional(text),
    fprocess: optional(text),
    namespace: optional(text),
    environment: textMap,
    environment_file: texts,
    secrets: texts,
    constraints: texts,
    labels: textMap,
    annotations: textMap,
    limits: textMap,
    requests: textMap,
    readonly_root_filesystem: bool,
  },
  { error: 'must be a map with an image' },
);

/** A file that `environment_file` names. */
export const environmentFile = z.object({ environment: textMap }, { error: 'must be a map with environment in it' });

const knownOfFunction = [
  ...Object.keys(stackFunction.shape),
  ...['lang', 'handler', 'registry_auth', 'skip_build', 'build_options', 'build_args', 'build_secrets', 'platforms'],
  ...['copy', 'extra_paths', 'publish', 'dockerfile', 'network'],
];

/** Whether faas-cli, or a user's own anchors (`x-…`), give the field of a function a meaning. */
export function isKnownField(name: string): boolean {
  return knownOfFunction.includes(name) || name.startsWith('x-');
}

/** A stack file as a whole; each of its functions is a `stackFunction`. */
export const stack = z.object(
  {
    provider: optional(z.object({ name: optional(text) }, { error: 'must be a map with a name' })),
    functions: optional(z.record(z.string(), z.unknown(), { error: 'must be a map of functions by their names' })),
    environment: z.unknown().optional(),
  },
  { error: 'must be a map with functions in it, as faas-cli has it' },
);

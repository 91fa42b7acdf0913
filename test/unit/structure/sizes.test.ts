import test from 'ava';
import ts from 'typescript';
import { nodesOf, parse, parseSources, placeOf } from './sources.ts';

interface Sized {
  place: string;
  lines: number;
}

function filesOf(sources: ts.SourceFile[]): Sized[] {
  return sources.map((source) => ({ place: source.fileName, lines: source.text.trimEnd().split('\n').length }));
}

/** Functions with a body of statements: those of an expression are part of the one around them. */
function functionsOf(sources: ts.SourceFile[]): Sized[] {
  return sources
    .flatMap((source) => [...nodesOf(source)])
    .filter((node) => ts.isFunctionLike(node) && 'body' in node && node.body && ts.isBlock(node.body as ts.Node))
    .map((node) => ({ place: placeOf(node), lines: node.getText().split('\n').length }));
}

/** The size that the given share of all does not exceed. */
function quantile(all: Sized[], share: number): number {
  const sizes = all.map(({ lines }) => lines).sort((a, b) => a - b);
  return sizes[Math.ceil(sizes.length * share) - 1] ?? 0;
}

function figures(what: string, all: Sized[]): string {
  const total = all.length;
  return `${total} ${what}: median ${quantile(all, 0.5)}, p90 ${quantile(all, 0.9)}, max ${quantile(all, 1)} lines`;
}

test('functions have 60 lines at most, nine in ten of them 25', async (t) => {
  const functions = functionsOf(await parseSources());
  t.log(figures('functions', functions));
  t.true(functions.length > 500);
  t.deepEqual(
    functions.filter(({ lines }) => lines > 60),
    [],
  );
  t.true(quantile(functions, 0.9) <= 25);
});

test('files have 300 lines at most', async (t) => {
  const files = filesOf(await parseSources());
  t.log(figures('files', files));
  t.log(`${files.reduce((sum, { lines }) => sum + lines, 0)} lines`);
  t.deepEqual(
    files.filter(({ lines }) => lines > 300),
    [],
  );
});

test('functions, methods and arrows are measured, those inside of others too', (t) => {
  const source = parse(
    'a.ts',
    `function outer() {
  const inner = () => {
    return 1;
  };
  const short = () => 1;
}
class A {
  constructor() {}
  method() {
  }
  declared(): void;
}`,
  );
  t.deepEqual(functionsOf([source]), [
    { place: 'a.ts:1', lines: 6 },
    { place: 'a.ts:2', lines: 3 },
    { place: 'a.ts:8', lines: 1 },
    { place: 'a.ts:9', lines: 2 },
  ]);
});

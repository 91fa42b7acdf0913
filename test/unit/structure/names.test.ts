import { basename } from 'node:path';
import test from 'ava';
import ts from 'typescript';
import { parse, parseSources } from './sources.ts';

/** The names that stand more than once, each with its places. */
function repeated(named: { name: string; place: string }[]): [name: string, places: string[]][] {
  const groups = Map.groupBy(named, ({ name }) => name);
  return [...groups]
    .filter(([, group]) => group.length > 1)
    .map(([name, group]) => [name, group.map(({ place }) => place)]);
}

/** The types and classes that files declare for others. */
function exportedTypesOf(sources: ts.SourceFile[]): { name: string; place: string }[] {
  return sources.flatMap((source) =>
    source.statements
      .filter(
        (node) => ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node),
      )
      .filter((node) => node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
      .map((node) => ({ name: node.name?.text ?? 'default', place: source.fileName })),
  );
}

test('no two files have one name, but for the faces of folders', async (t) => {
  const files = (await parseSources()).map(({ fileName }) => ({ name: basename(fileName), place: fileName }));
  t.deepEqual(
    repeated(files).filter(([name]) => name !== 'index.ts'),
    [],
  );
});

test('no two exported types or classes have one name', async (t) => {
  t.deepEqual(repeated(exportedTypesOf(await parseSources())), []);
});

test('a name that stands twice is told with its places', (t) => {
  const sources = [
    parse('a.ts', 'export type A = 1; class B {}'),
    parse('b.ts', 'export class A {} export class B {}'),
  ];
  t.deepEqual(repeated(exportedTypesOf(sources)), [['A', ['a.ts', 'b.ts']]]);
});

/** Counts what the files of a backup are; the default namespace has a file only where it has labels. */
export function countsOf(files: { name: string }[]): { functions: number; namespaces: number; secrets: number } {
  const count = (kind: string) => files.filter(({ name }) => name.startsWith(`data/${kind}/`)).length;
  return { functions: count('functions'), namespaces: count('namespaces'), secrets: count('secrets') };
}

/** Returns what reads once for all metrics of a scrape: they are collected in one turn of the loop, and share what is read. */
export function oncePerScrape<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => (reading ??= read().finally(() => (reading = undefined)));
}

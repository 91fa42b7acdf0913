/** Quotes what a caller wrote for a message, cut to 80 characters so that the message stays one short line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

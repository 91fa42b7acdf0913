/** What functions and users have written, as text that hides nothing and moves nothing around it. */

/** Control characters, and marks that turn or hide what is beside them; tabs, line feeds and joiners stay. */
export const unseen = /(?![\t\n])[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Sequences by which terminals colour text, move their cursor or rename their window. */
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/g;

/** Shows what is unseen by its number, such as `\u{202e}`. */
export function shownText(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(unseen, (mark) => `\\u{${mark.charCodeAt(0).toString(16)}}`);
}

/** Takes out what is for terminals alone. */
export function withoutEscapes(text: string): string {
  return text.replaceAll(escapes, '');
}

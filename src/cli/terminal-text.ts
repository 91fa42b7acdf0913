/** What a function says is not to move the terminal's cursor or rename its window: colours, tabs and lines may stay. */
const unsafe = /(?!\t|\n|\u001b\[[\d;]*m)\p{Cc}/gu;

/** Shows what a function has said as text that a terminal does nothing else with. */
export function terminalText(text: string): string {
  return text.replaceAll(unsafe, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const lineFeed = 0x0a;

/** A longer line is handed over in pieces, all but the last ending in `…`. */
export const maxLineBytes = 16 * 1024;

/** Cuts a stream of bytes into lines, holding back at most one piece however long a line is. */
export class LineSplitter {
  #held = Buffer.alloc(0);
  /** Whether a part of the current line has been handed over. */
  #continues = false;

  /** How many of the bytes pushed so far are in no line yet. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Answers the lines that `chunk` completes; `chunk` may be reused afterwards. */
  push(chunk: Buffer): string[] {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const end = bytes.lastIndexOf(lineFeed) + 1;
    const texts = end > 0 ? bytes.toString('utf8', 0, end - 1).split('\n') : [];
    // The usual case, at a quarter of the cost. A character stands for at most 3 bytes.
    const areShort = texts.every(({ length }) => length * 3 < maxLineBytes);
    const lines = areShort ? texts.flatMap((text) => this.#ended(text) ?? []) : [];
    let rest = areShort ? bytes.subarray(end) : bytes;
    for (let length = pieceLength(rest); length > 0; length = pieceLength(rest)) {
      const line = this.#cut(rest.subarray(0, length));
      if (line !== undefined) lines.push(line);
      rest = rest.subarray(length);
    }
    this.#held = Buffer.from(rest);
    return lines;
  }

  /** Answers what is held back, as it is: the writer has ended, or pauses in the middle of a line. */
  flush(): string[] {
    if (this.#held.length === 0) return [];
    const text = this.#held.toString('utf8');
    this.#held = Buffer.alloc(0);
    this.#continues = true;
    return [text];
  }

  /** Forgets what is held back: the bytes that follow are not its continuation. */
  reset(): void {
    this.#held = Buffer.alloc(0);
    this.#continues = false;
  }

  #cut(piece: Buffer): string | undefined {
    if (piece.at(-1) !== lineFeed) {
      this.#continues = true;
      return `${piece.toString('utf8')}…`;
    }
    return this.#ended(piece.toString('utf8', 0, piece.length - 1));
  }

  /** Answers a line whose end was found; undefined where only the end of one that was handed over was missing. */
  #ended(line: string): string | undefined {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    const onlyEndsALine = text === '' && this.#continues;
    this.#continues = false;
    return onlyEndsALine ? undefined : text;
  }
}

/** Counts the bytes of the first line, its line feed included; 0 where more must come first. */
function pieceLength(bytes: Buffer): number {
  const end = bytes.subarray(0, maxLineBytes + 1).indexOf(lineFeed);
  if (end !== -1) return end + 1;
  return bytes.length > maxLineBytes ? wholeCharacters(bytes, maxLineBytes) : 0;
}

/** Shortens a length so that it does not end in the middle of a UTF-8 character. */
function wholeCharacters(bytes: Buffer, length: number): number {
  for (let cut = length; cut > length - 4; cut--) {
    if (((bytes[cut] ?? 0) & 0xc0) !== 0x80) return cut;
  }
  return length;
}

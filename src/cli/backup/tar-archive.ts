/** A file of an archive. */
export interface ArchivedFile {
  /** Its path, with slashes. */
  name: string;
  /** Permissions, such as 0o600. */
  mode: number;
  content: Buffer;
}

const block = 512;
const nameBytes = 100;

/** An archive that cannot be what berth wrote. */
export class ArchiveError extends Error {
  override name = 'ArchiveError';
}

/** Writes files as a tar archive (POSIX, pax where a name is long), which any tar reads. */
export function writeTar(files: ArchivedFile[]): Buffer {
  const parts = files.flatMap((file) => {
    const isLong = Buffer.byteLength(file.name) > nameBytes;
    return [...(isLong ? entry(longName(file.name), 'x') : []), ...entry(file, '0')];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

/**
 * Reads an archive that `writeTar` wrote: plain files and nothing else.
 * @throws ArchiveError where it has something else, or is cut off
 */
export function readTar(archive: Buffer): ArchivedFile[] {
  const files: ArchivedFile[] = [];
  let name: string | undefined;
  for (let at = 0; ;) {
    const header = archive.subarray(at, at + block);
    if (header.length < block) throw new ArchiveError('it is cut off');
    if (header.every((byte) => byte === 0)) return files;
    const size = octal(header, 124, 12);
    if (octal(header, 148, 8) !== checksum(header)) throw new ArchiveError('it is damaged');
    const content = archive.subarray(at + block, at + block + size);
    if (content.length < size) throw new ArchiveError('it is cut off');
    const kind = String.fromCharCode(header[156] ?? 0);
    if (kind === 'x') name = nameIn(content.toString());
    else if (kind !== '0') throw new ArchiveError('it has something else than plain files');
    else {
      files.push({ name: name ?? text(header, 0, nameBytes), mode: octal(header, 100, 8), content });
      name = undefined;
    }
    at += block + Math.ceil(size / block) * block;
  }
}

function entry({ name, mode, content }: ArchivedFile, kind: string): Buffer[] {
  const header = Buffer.alloc(block);
  header.write(Buffer.from(name).subarray(0, nameBytes).toString('latin1'), 0, 'latin1');
  header.write(`${inOctal(mode, 7)}\0${inOctal(0, 7)}\0${inOctal(0, 7)}\0${inOctal(content.length, 11)}\0`, 100);
  header.write(`${inOctal(0, 11)}\0`, 136);
  header.write(`${kind}`, 156);
  header.write('ustar\x0000', 257);
  header.write(`${inOctal(checksum(header), 6)}\0 `, 148);
  return [header, content, Buffer.alloc((block - (content.length % block)) % block)];
}

/** Returns the entry that says the name of the next one. */
function longName(name: string): ArchivedFile {
  const record = ` path=${name}\n`;
  const bytes = Buffer.byteLength(record);
  // Its length counts itself.
  const length = bytes + String(bytes + String(bytes).length).length;
  return { name: 'pax', mode: 0o600, content: Buffer.from(`${length}${record}`) };
}

function nameIn(record: string): string {
  const [, name] = /^\d+ path=([^\n]+)\n$/.exec(record) ?? [];
  if (name === undefined) throw new ArchiveError('it has something else than plain files');
  return name;
}

/** The header's bytes, summed with blanks where the sum itself stands. */
function checksum(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

function text(header: Buffer, at: number, length: number): string {
  return header
    .subarray(at, at + length)
    .toString()
    .replace(/\0.*$/s, '');
}

function octal(header: Buffer, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new ArchiveError('it is damaged');
  return Number.parseInt(digits, 8);
}

function inOctal(number: number, digits: number): string {
  return number.toString(8).padStart(digits, '0');
}

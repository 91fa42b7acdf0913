import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

const headerBytes = 12;
const typeA = 1;

/** Starts a name server at port 53 of `address`, which has one IPv4 address for every name, and none of any other type. */
export async function startNameServer(address: string, answer: string): Promise<{ stop(): Promise<void> }> {
  if (!isIPv4(answer)) throw new Error(`${answer} is no IPv4 address`);
  const server = createSocket('udp4');
  server.on('message', (question, { port, address: asker }) => server.send(answerTo(question, answer), port, asker));
  server.bind(53, address);
  await once(server, 'listening');
  return {
    async stop() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** https://www.rfc-editor.org/rfc/rfc1035#section-4 */
function answerTo(question: Buffer, address: string): Buffer {
  const end = endOfQuestion(question);
  const isAnswered = question.readUInt16BE(end - 4) === typeA;
  const header = Buffer.from(question.subarray(0, headerBytes));
  header.writeUInt16BE(0x8180, 2);
  [1, isAnswered ? 1 : 0, 0, 0].forEach((count, i) => header.writeUInt16BE(count, 4 + 2 * i));
  const asked = question.subarray(headerBytes, end);
  if (!isAnswered) return Buffer.concat([header, asked]);
  // The name of the question, type A, class IN, a second to live, four bytes.
  const record = [0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)];
  return Buffer.concat([header, asked, Buffer.from(record)]);
}

/** Behind its name, its type and its class. */
function endOfQuestion(question: Buffer): number {
  let at = headerBytes;
  while (question[at]) at += (question[at] ?? 0) + 1;
  return at + 5;
}

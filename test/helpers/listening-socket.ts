import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endProcess } from './processes.ts';

/** Listens at an address and port, as descriptor 3 and copies of it, as many as are asked for. Node cannot listen and not accept. */
const listening = `
use Socket; use POSIX; $^F = 9; my ($address, $asked, $copies) = splice(@ARGV, 0, 3);
socket(my $socket, PF_INET, SOCK_STREAM, 0) or die;
setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
bind($socket, sockaddr_in($asked, inet_aton($address))) or die "bind: $!"; listen($socket, 65535) or die;
for (3 .. 2 + $copies) { POSIX::dup2(fileno($socket), $_) if fileno($socket) != $_ }
$ENV{LISTEN_FDS} = $copies;`;

/** Owns a listening socket as systemd does, and starts programs that are given it. */
const owner = `${listening} $| = 1; $SIG{CHLD} = "IGNORE";
my ($port) = sockaddr_in(getsockname($socket));
print "$port\\n";
while (<STDIN>) {
  chomp; my @command = split /\\x1f/;
  my $pid = fork; if ($pid) { print "$pid\\n"; next }
  $ENV{LISTEN_PID} = $$; open(STDIN, "<", "/dev/null"); open(STDOUT, ">&", STDERR);
  exec @command or POSIX::_exit(127);
}`;

/** How many descriptors of its socket an installed berth is given. */
const installedCopies = 7;

/** Returns the command that listens on a port, at all addresses, and becomes the program that is given the socket as an installed one is. */
export function listeningFirst(port: number, command: readonly string[]): string[] {
  const become = `${listening} $ENV{LISTEN_PID} = $$; exec @ARGV or die`;
  return ['perl', '-e', become, '0.0.0.0', String(port), String(installedCopies), ...command];
}

export interface ListeningSocket extends AsyncDisposable {
  readonly port: number;
  /** Starts a program that may adopt the socket; its output is in \`output\`. Returns its process id. */
  start(command: string[]): Promise<number>;
  /** What the programs have written. */
  output(): string;
}

/**
 * Listens on a port of loopback, 0 for any, for as long as it is not disposed of.
 * @param options.copies how many descriptors of the socket, up to 7, programs are given
 */
export async function listeningSocket({ port = 0, copies = 1, env = process.env } = {}): Promise<ListeningSocket> {
  const child = spawn('perl', ['-e', owner, '127.0.0.1', String(port), String(copies)], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const lines = createInterface(child.stdout);
  const [first] = (await Promise.race([once(lines, 'line'), once(child, 'close').then(() => ['0'])])) as [string];
  if (first === '0') throw new Error(`cannot listen: ${output}`);
  return {
    port: Number(first),
    async start(command) {
      const said = once(lines, 'line');
      child.stdin.write(`${command.join('\x1f')}\n`);
      return Number((await said)[0]);
    },
    output: () => output,
    [Symbol.asyncDispose]: () => endProcess(child, 'SIGKILL'),
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endProcess } from './processes.ts';

/** Owns a listening socket as systemd does, and starts programs that are given it as descriptor 3. Node cannot listen and not accept. */
const owner = `
use Socket; use POSIX; $| = 1; $SIG{CHLD} = "IGNORE"; $^F = 3;
socket(my $socket, PF_INET, SOCK_STREAM, 0) or die;
setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
bind($socket, sockaddr_in(shift, INADDR_LOOPBACK)) or die "bind: $!"; listen($socket, 4096) or die;
my ($port) = sockaddr_in(getsockname($socket));
POSIX::dup2(fileno($socket), 3) if fileno($socket) != 3;
print "$port\\n";
while (<STDIN>) {
  chomp; my @command = split /\\x1f/;
  my $pid = fork; if ($pid) { print "$pid\\n"; next }
  $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 1; open(STDIN, "<", "/dev/null"); open(STDOUT, ">&", STDERR);
  exec @command or POSIX::_exit(127);
}`;

export interface ListeningSocket extends AsyncDisposable {
  readonly port: number;
  /** Starts a program that may adopt the socket; its output is in \`output\`. Returns its process id. */
  start(command: string[]): Promise<number>;
  /** What the programs have written. */
  output(): string;
}

/** Listens on a port of loopback, 0 for any, for as long as it is not disposed of. */
export async function listeningSocket({ port = 0, env = process.env } = {}): Promise<ListeningSocket> {
  const child = spawn('perl', ['-e', owner, String(port)], { env, stdio: ['pipe', 'pipe', 'pipe'] });
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

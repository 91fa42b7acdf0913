import { runProgram, type ProgramRun } from '../../src/base/run-program.ts';

/** Runs a script in a process that has no file descriptor left once it is `prepared`. */
export function withoutDescriptors(prepared: string, script: string): Promise<ProgramRun> {
  const module = `import { openSync } from 'node:fs';
    ${prepared}
    try { for (;;) openSync('/dev/null'); } catch {}
    ${script}`;
  const limited = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"';
  return runProgram('/bin/sh', { args: ['-c', limited, process.execPath, module] });
}

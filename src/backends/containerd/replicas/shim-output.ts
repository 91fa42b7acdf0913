import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * Says whether a shim has given up reading what a task writes, as it does for good at the first write error, such as on a
 * full disk: the task then blocks as soon as its pipe is full.
 * https://github.com/containerd/containerd/blob/main/cmd/containerd-shim-runc-v2/process/io.go
 * @param shimPid process of the shim
 * @param taskPid first process of the task
 * @param logFiles the files of the task's stdout and stderr, in this order
 */
export async function hasGivenUpReading(shimPid: number, taskPid: number, logFiles: string[]): Promise<boolean> {
  const open = await openFilesOf(shimPid);
  const streams = await Promise.all(
    logFiles.map(async (file, index) => ({ file, pipe: await linkOf(taskPid, index + 1) })),
  );
  // A task may well close or redirect its own output: then it has no pipe that the shim should read.
  return streams.some(({ file, pipe }) => {
    const isShimsPipe = pipe.startsWith('pipe:') && open.includes(pipe);
    return isShimsPipe && !open.some((link) => path.basename(link) === path.basename(file));
  });
}

async function openFilesOf(pid: number): Promise<string[]> {
  // A process that has ended meanwhile has none.
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  return Promise.all(fds.map((fd) => linkOf(pid, fd)));
}

function linkOf(pid: number, fd: number | string): Promise<string> {
  return readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
}

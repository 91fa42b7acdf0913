import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess } from '../helpers/processes.ts';
import { until } from '../helpers/poll.ts';

const port = 8900;

export interface Nginx extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** Starts nginx with one worker, in front of one function under the path that berth gives it. */
export async function startNginx(upstream: string, path: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  await mkdir(join(folder, 'tmp'));
  await writeFile(join(folder, 'nginx.conf'), configOf(upstream, path));
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(url + path)).ok, { message: 'nginx' });
  return {
    url,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await endProcess(child);
      await rm(folder, { recursive: true });
    },
  };
}

/** As fast as it can be made with a few lines: kept connections, bodies in memory, no access log. */
const configOf = (upstream: string, path: string) => `
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 256k;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path tmp/${name};`).join('\n')}
  upstream function {
    server ${upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location ${path} {
      proxy_pass http://function/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;

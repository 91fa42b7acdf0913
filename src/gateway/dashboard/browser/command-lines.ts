/** What the page does, as lines for a shell in which OPENFAAS_URL is where berth is. */
import type { FunctionName } from '../../../provider/index.ts';
import { callPath, type InvokeRequest } from './invoke-request.ts';
import { shellWord } from './texts.ts';

/** Returns the lines of a call: curl's, and faas-cli's where that can make it. */
export function invokeLines(fn: FunctionName, request: InvokeRequest): string[] {
  const { method, headers, body, file, path } = request;
  const words = ['curl', '-i'];
  if (method === 'HEAD') words.push('--head');
  else words.push('-X', method);
  // Of a header without a value curl wants a semicolon.
  for (const [name, value] of headers) words.push('-H', value === '' ? `${name};` : `${name}: ${value}`);
  if (file !== undefined) words.push('--data-binary', `@${file}`);
  // Not --data, to which an @ at its begin names a file.
  else if (body) words.push('--data-raw', body);
  const curl = `${line(words)} "$OPENFAAS_URL"${shellWord(callPath(fn, request))}`;
  return path === '/' ? [curl, faasInvoke(fn, request)] : [curl];
}

function faasInvoke(
  { name, namespace }: FunctionName,
  { method, headers, body, file, isAsync }: InvokeRequest,
): string {
  const words = ['faas-cli', 'invoke', name, '-n', namespace];
  if (method !== 'POST') words.push('-m', method);
  if (isAsync) words.push('--async');
  for (const [header, value] of headers) {
    if (header.toLowerCase() === 'content-type') words.push('--content-type', value);
    else words.push('-H', `${header}=${value}`);
  }
  if (file !== undefined) return `${line(words)} <${shellWord(file)}`;
  return body ? `printf %s ${shellWord(body)} | ${line(words)}` : `${line(words)} </dev/null`;
}

export function scaleLines({ name, namespace }: FunctionName, replicas: number): string[] {
  return [post(`scale-function/${name}`, { namespace, replicas })];
}

export function restartLines({ name, namespace }: FunctionName): string[] {
  return [post(`restart-function/${name}`, { namespace })];
}

export function rollBackLines({ name, namespace }: FunctionName): string[] {
  return [
    `curl -u admin -X POST "$OPENFAAS_URL"${shellWord(`/system/rollback-function/${name}?namespace=${namespace}`)}`,
  ];
}

export function deleteLines({ name, namespace }: FunctionName): string[] {
  const curl = json('DELETE', 'functions', { functionName: name, namespace });
  return [line(['faas-cli', 'remove', name, '-n', namespace]), curl];
}

export function logsLines({ name, namespace }: FunctionName): string[] {
  const path = `/system/logs?name=${name}&namespace=${namespace}&follow=1&tail=200`;
  return [line(['faas-cli', 'logs', name, '-n', namespace]), `curl -N -u admin "$OPENFAAS_URL"${shellWord(path)}`];
}

function post(path: string, body: object): string {
  return json('POST', path, body);
}

function json(method: string, path: string, body: object): string {
  const sent = shellWord(JSON.stringify(body));
  return `curl -u admin -X ${method} -H 'Content-Type: application/json' -d ${sent} "$OPENFAAS_URL"/system/${path}`;
}

function line(words: string[]): string {
  return words.map(shellWord).join(' ');
}

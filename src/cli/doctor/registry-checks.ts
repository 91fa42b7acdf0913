import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { registryHosts, type HostLook } from '../../registry/index.ts';
import { fail, pass, warn, type Check, type Finding, type Patient, type RegistryLook } from './patient.ts';

export const registryCheck: Check = {
  name: 'registry',
  async look(patient) {
    const looks = await patient.registries;
    return looks.flatMap((look) => registryFindings(look, patient));
  },
};

function registryFindings({ registry, isUsed, hosts, problem }: RegistryLook, patient: Patient): Finding[] {
  if (problem !== undefined) return [fail(problem, `mend it in ${patient.config.hostsDir}`)];
  const wrong = hosts.filter((host) => host.problem !== undefined);
  if (wrong.length === 0) return [pass(hosts.map(({ origin }) => origin).join(', '))];
  return wrong.map((host) => {
    const mend = mendOf(host, patient);
    if (hosts.length > wrong.length) return warn(`a mirror of ${registry} is passed over: ${host.problem}`, mend);
    // A host that nobody gave a way to it may well be meant to have none.
    const isMeant = isUsed || hosts.length > 1 || host.proxy !== undefined;
    return (isMeant ? fail : warn)(`images of ${registry} cannot be pulled: ${host.problem}`, mend);
  });
}

function mendOf({ origin, proxy, problem = '' }: HostLook, { config, envFile }: Patient): string {
  if (proxy !== undefined) return `curl -I --proxy ${proxy} ${origin}/v2/; the proxy is HTTPS_PROXY in ${envFile}`;
  if (/certificate/i.test(problem)) return `name its authority as ca in a hosts.toml under ${config.hostsDir}`;
  return `curl -I ${origin}/v2/; behind a proxy set HTTPS_PROXY in ${envFile}`;
}

const soonMs = 14 * 24 * 3_600_000;

export const certificatesCheck: Check = {
  name: 'certificates',
  async look({ config, env, envFile }) {
    const { hostsDir } = config;
    const own = env['tls_cert'];
    const text = own ? await readFile(own, 'utf8').catch(() => undefined) : '';
    if (text === undefined) return fail(`tls_cert: ${own} cannot be read`, `set tls_cert in ${envFile} to where it is`);
    const files = own ? [{ place: own, pems: [text] }] : [];
    const folders = await readdir(hostsDir).catch(() => []);
    const named = await Promise.all(folders.map((folder) => authoritiesOf(folder, hostsDir)));
    const certificates = [...files, ...named];
    const findings = certificates.flatMap(({ place, pems }) => pems.flatMap((pem) => dateFindings(pem, place)));
    if (findings.length > 0) return findings;
    return pass(certificates.length > 0 ? `of ${certificates.map(({ place }) => place).join(', ')}` : 'none are set');
  },
};

async function authoritiesOf(folder: string, hostsDir: string): Promise<{ place: string; pems: string[] }> {
  const place = join(hostsDir, folder);
  const registry = folder.replace(/_(\d+)_$/, ':$1');
  // What cannot be read is said where the registry is asked.
  const hosts = await registryHosts(registry, hostsDir).catch(() => []);
  return { place, pems: hosts.flatMap(({ tls }) => [...(tls?.ca ?? []), ...(tls?.cert ?? [])]) };
}

const pemBlock = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;

function dateFindings(text: string, place: string): Finding[] {
  return [...text.matchAll(pemBlock)].flatMap(([pem]) => {
    const { subject, validFromDate, validToDate } = new X509Certificate(pem);
    const name = `the certificate of ${subject.replaceAll('\n', ', ')} in ${place}`;
    const renew = `renew it: openssl x509 -noout -dates -in FILE in ${place}`;
    if (validToDate.getTime() < Date.now()) return [fail(`${name} ended on ${validToDate.toISOString()}`, renew)];
    if (validFromDate.getTime() > Date.now()) {
      return [fail(`${name} begins on ${validFromDate.toISOString()} only`, 'see the clock of this host: timedatectl')];
    }
    if (validToDate.getTime() > Date.now() + soonMs) return [];
    return [warn(`${name} ends on ${validToDate.toISOString()}`, renew)];
  });
}

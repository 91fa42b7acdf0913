import { describeError } from '../../base/log.ts';
import { lookAtRegistry, parseReference } from '../../registry/index.ts';
import type { Patient, RegistryLook } from './patient.ts';

const timeoutMs = 20_000;
const most = 10;

/** Asks the registries of all functions, or the usual one where there is no function yet. */
export async function lookAtRegistries(patient: Omit<Patient, 'registries'>): Promise<RegistryLook[]> {
  const { config, env, signal } = patient;
  const view = await patient.daemon;
  const images = view instanceof Error ? [] : view.functions.map(({ image }) => parseReference(image).registry);
  const registries = [...new Set(images)].slice(0, most);
  const options = {
    hostsDir: config.hostsDir,
    proxyEnv: env,
    userAgent: 'berth-doctor',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  };
  const isUsed = registries.length > 0;
  const looks = (isUsed ? registries : ['docker.io']).map((registry) =>
    lookAtRegistry(registry, options).then(
      (hosts): RegistryLook => ({ registry, isUsed, hosts }),
      (error: unknown): RegistryLook => ({ registry, isUsed, hosts: [], problem: describeError(error) }),
    ),
  );
  return Promise.all(looks);
}

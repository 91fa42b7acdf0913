import { randomBytes } from 'node:crypto';
import type { V1Deployment } from '@kubernetes/client-node';
import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import type { FunctionDeployment, FunctionVersion } from '../../provider/index.ts';
import { failedUpdateAnnotation, previousAnnotation, versionAnnotation } from './cluster-labels.ts';

/** A version of a function, exactly as it was sent: a Deployment is annotated with it. */
export interface StoredVersion {
  generation: string;
  /** RFC 3339; a restart leaves it. */
  deployedAt: string;
  deployment: FunctionDeployment;
}

/** The versions that a Deployment knows. */
export interface StoredVersions {
  current: StoredVersion;
  /** The one that was ready before. */
  previous?: StoredVersion;
  /** Why the last update was given up; absent where it was not. */
  failedUpdate?: string;
}

const textMap = z.record(z.string(), z.string()).optional();
const texts = z.array(z.string()).optional();
const schema = z.object({
  generation: z.string().min(1),
  deployedAt: z.string(),
  deployment: z.object({
    name: z.string(),
    namespace: z.string(),
    image: z.string(),
    envProcess: z.string().optional(),
    envVars: textMap,
    constraints: texts,
    secrets: texts,
    labels: textMap,
    annotations: textMap,
    limits: textMap,
    requests: textMap,
    readOnlyRootFilesystem: z.boolean().optional(),
  }),
});

/** Makes a short id, which a label can hold. */
export function freshId(): string {
  return randomBytes(5).toString('hex');
}

export function newVersion(deployment: FunctionDeployment): StoredVersion {
  return { generation: freshId(), deployedAt: new Date().toISOString(), deployment };
}

const known = new WeakMap<V1Deployment, StoredVersions | undefined>();

/** Reads the versions of a Deployment, once for each object; undefined where somebody has made them unreadable. */
export function versionsOf(object: V1Deployment): StoredVersions | undefined {
  if (!known.has(object)) known.set(object, readVersions(object));
  return known.get(object);
}

function readVersions({ metadata }: V1Deployment): StoredVersions | undefined {
  const current = parseVersion(metadata?.annotations?.[versionAnnotation]);
  if (!current || current.deployment.name !== metadata?.name) return undefined;
  const { [previousAnnotation]: before, [failedUpdateAnnotation]: failedUpdate } = metadata.annotations ?? {};
  return { current, previous: parseVersion(before), ...(failedUpdate !== undefined && { failedUpdate }) };
}

function parseVersion(text: string | undefined): StoredVersion | undefined {
  if (text === undefined) return undefined;
  const { success, data } = schema.safeParse(parseJson(text));
  return success ? data : undefined;
}

/** All annotations of an object take 256 KiB; others' want some of it. */
const roomBytes = 250 * 1024;
/** How much of a reason is kept, in characters. */
const longestReason = 1000;

/** Whether a deployment can be kept as it was sent. */
export function fitsAnnotations(deployment: FunctionDeployment): boolean {
  return Buffer.byteLength(JSON.stringify(newVersion(deployment))) <= roomBytes;
}

/** Writes the versions as annotations of a Deployment, the one before only where there is room for both. */
export function versionAnnotations({ current, previous, failedUpdate }: StoredVersions): Record<string, string> {
  const [text, before] = [JSON.stringify(current), JSON.stringify(previous)];
  const hasRoom = previous && Buffer.byteLength(text + before) <= roomBytes;
  return {
    [versionAnnotation]: text,
    ...(hasRoom && { [previousAnnotation]: before }),
    ...(failedUpdate !== undefined && { [failedUpdateAnnotation]: failedUpdate.slice(0, longestReason) }),
  };
}

/** Tells of a version beside the one that is described. */
export function toFunctionVersion({ generation, deployment, deployedAt }: StoredVersion): FunctionVersion {
  return { generation, image: deployment.image, deployedAt };
}

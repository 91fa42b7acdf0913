import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { firstIssue } from '../../../base/first-issue.ts';
import { newerSchema } from '../../../base/newer-schema.ts';
import { clampReplicas, deploymentText, type FunctionDeployment } from '../../../provider/index.ts';

const strings = z.record(z.string(), z.string()).optional();
const resources = z.object({ memory: z.string().optional(), cpu: z.string().optional() }).optional();

const deployment = z.object({
  name: z.string(),
  namespace: z.string(),
  image: z.string(),
  envProcess: z.string().optional(),
  envVars: strings,
  constraints: z.array(z.string()).optional(),
  secrets: z.array(z.string()).optional(),
  labels: strings,
  annotations: strings,
  limits: resources,
  requests: resources,
  readOnlyRootFilesystem: z.boolean().optional(),
});

const generation = z.object({
  id: z.string(),
  deployment,
  /** Digest that the image reference stood for when it was pulled; absent while a long pull goes on. */
  imageDigest: z.string().optional(),
  /** When it was deployed, RFC 3339. */
  createdAt: z.string(),
  /** Id of the current version that this candidate is once more; the berth before this field takes it for an update. */
  restartOf: z.string().optional(),
});

const record = z.object({
  schema: z.literal(1),
  current: generation,
  /** The version that is being started; promoted to current when ready, dropped when it fails. */
  candidate: generation.optional(),
  /** The version before `current`, kept for rollback. */
  previous: generation.optional(),
  /** Replicas wanted when awake, as asked for: the labels of each version bound them, see `replicasWanted`. */
  replicas: z.number().int().nonnegative(),
  /** No replica is to run until a call or the API wakes the function. */
  asleep: z.boolean(),
  /** When `current` took over, RFC 3339; absent for a first deployment. */
  promotedAt: z.string().optional(),
  /** Why the last candidate was dropped, or the last update rolled back. */
  failure: z.object({ generation: z.string(), reason: z.string(), at: z.string() }).optional(),
  /** Where it comes from, see FunctionFile; the version before this field passes over it, and writes the record without. */
  file: z.object({ path: z.string(), digest: z.string().optional() }).optional(),
});

/** One version of a function: the deployment exactly as sent, and the image digest that was found for it. */
export type Generation = z.infer<typeof generation>;

/** What the user wants of one function: the whole of its file under `<data>/functions`. */
export type FunctionRecord = z.infer<typeof record>;

export function newGeneration(deployment: FunctionDeployment, imageDigest?: string): Generation {
  return { id: shortId(), deployment, imageDigest, createdAt: rfc3339() };
}

/** Makes an id that is unique on the host and fit for containers, CNI and network namespaces. */
export function shortId(): string {
  return randomBytes(6).toString('hex');
}

/**
 * Reads a function's file, and keeps what a newer version has added to it: an older one may have to write it, and must not
 * take that away.
 * @throws Error when the text is not a record of this schema
 */
export function parseRecord(text: string): FunctionRecord {
  const value: unknown = JSON.parse(text);
  const parsed = record.safeParse(value);
  // Without what it does not know `parsed.data` would be; nothing in it is read as another value.
  if (parsed.success) return value as FunctionRecord;
  throw new Error(newerSchema(value) ?? firstIssue(parsed.error, 'it'));
}

/** Returns the generation with this id, if it is one that the record still wants to run. */
export function wantedGeneration(record: FunctionRecord, id: string): Generation | undefined {
  return [record.current, record.candidate].find((generation) => generation?.id === id);
}

/** Whether a function is what the deployment asks for, and nothing else is on its way. */
export function isSo(record: FunctionRecord, deployment: FunctionDeployment): boolean {
  if (record.candidate && !isRestart(record)) return false;
  return deploymentText(record.current.deployment) === deploymentText(deployment);
}

/** Returns how many replicas are wanted of one of the record's versions when awake: each has its own labels, and one at least. */
export function replicasWanted({ replicas }: FunctionRecord, { deployment }: Generation): number {
  return clampReplicas(deployment, Math.max(1, replicas));
}

/** Returns the record with its current version as the candidate once more, under an id of its own: replicas are made anew for it. */
export function restarted(record: FunctionRecord): FunctionRecord {
  const { current } = record;
  return { ...record, candidate: { ...current, id: shortId(), restartOf: current.id }, failure: undefined };
}

/** Whether the candidate is the current version once more. */
export function isRestart({ current, candidate }: FunctionRecord): boolean {
  return candidate?.restartOf === current.id;
}

/** Returns the record with its candidate as the version that serves, and the one before it kept for rollback. */
export function promoted(record: FunctionRecord): FunctionRecord {
  const { candidate, current: previous, ...rest } = record;
  if (!candidate) return record;
  // It is no other version: a rollback still leads to the one before, and whoever sleeps by now goes on sleeping.
  if (isRestart(record)) return { ...rest, current: { ...candidate, restartOf: undefined } };
  return { ...rest, current: candidate, previous, asleep: false, promotedAt: rfc3339() };
}

/** Returns the record without this candidate, and with why it failed; unchanged when another has taken its place. */
export function candidateDropped(record: FunctionRecord, candidateId: string, reason: string): FunctionRecord {
  const { candidate, ...rest } = record;
  if (candidate?.id !== candidateId) return record;
  const why = isRestart(record) ? `a restart failed: ${reason}` : reason;
  return { ...rest, failure: { generation: candidateId, reason: why, at: rfc3339() } };
}

/** Why there is no fault in a rollback: somebody asked for it. */
export const askedFor = 'it was asked for';
export const rolledBackOnRequest = rollBackReason(askedFor);

function rollBackReason(reason: string): string {
  return `rolled back: ${reason}`;
}

/** Returns the record with the previous version as the candidate: it takes over when it is ready, like any update. */
export function rolledBack(record: FunctionRecord, reason: string): FunctionRecord {
  if (!record.previous) return record;
  const { deployment, imageDigest } = record.previous;
  const failure = { generation: record.current.id, reason: rollBackReason(reason), at: rfc3339() };
  return { ...record, candidate: newGeneration(deployment, imageDigest), failure };
}

/** Returns the record with the digest that a generation's image reference stands for, unless it has one already. */
export function resolvedTo(record: FunctionRecord, generationId: string, imageDigest: string): FunctionRecord {
  const generation = wantedGeneration(record, generationId);
  if (!generation || generation.imageDigest) return record;
  const resolved = { ...generation, imageDigest };
  return record.current === generation ? { ...record, current: resolved } : { ...record, candidate: resolved };
}

function rfc3339(): string {
  return new Date().toISOString();
}

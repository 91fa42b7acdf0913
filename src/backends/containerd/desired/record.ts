import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { FunctionDeployment } from '../../../provider/index.ts';

/** One version of a function: the deployment exactly as sent, and what we resolved for it. */
export interface Generation {
  id: string;
  deployment: FunctionDeployment;
  /** Digest that the image reference stood for when it was pulled; absent while a long pull goes on. */
  imageDigest?: string;
  /** RFC 3339. */
  createdAt: string;
}

/** What the user wants of one function: the whole of its file under `<data>/functions`. */
export interface FunctionRecord {
  schema: 1;
  current: Generation;
  /** Being started; promoted to current when ready, dropped when it fails. */
  candidate?: Generation;
  /** Kept for rollback. */
  previous?: Generation;
  /** Wanted when awake. */
  replicas: number;
  /** Wants no running replica until a call or the API wakes it. */
  asleep: boolean;
  /** When `current` took over, RFC 3339; absent for a first deployment. */
  promotedAt?: string;
  /** Why the last candidate was dropped, or the last update rolled back. */
  failure?: { generation: string; reason: string; at: string };
}

export function newGeneration(deployment: FunctionDeployment, imageDigest?: string): Generation {
  return { id: shortId(), deployment, imageDigest, createdAt: new Date().toISOString() };
}

/** Unique on the host and fit for containerd ids, CNI container ids and network namespace names. */
export function shortId(): string {
  return randomBytes(6).toString('hex');
}

const strings = z.record(z.string(), z.string());
const resources = z.object({ memory: z.string().optional(), cpu: z.string().optional() });

const generation = z.object({
  id: z.string(),
  deployment: z.object({
    name: z.string(),
    namespace: z.string(),
    image: z.string(),
    envProcess: z.string().optional(),
    envVars: strings.optional(),
    constraints: z.array(z.string()).optional(),
    secrets: z.array(z.string()).optional(),
    labels: strings.optional(),
    annotations: strings.optional(),
    limits: resources.optional(),
    requests: resources.optional(),
    readOnlyRootFilesystem: z.boolean().optional(),
  }),
  imageDigest: z.string().optional(),
  createdAt: z.string(),
});

const record = z.object({
  schema: z.literal(1),
  current: generation,
  candidate: generation.optional(),
  previous: generation.optional(),
  replicas: z.number().int().nonnegative(),
  asleep: z.boolean(),
  promotedAt: z.string().optional(),
  failure: z.object({ generation: z.string(), reason: z.string(), at: z.string() }).optional(),
});

/** Throws when the text is not a record that this version wrote. */
export function parseRecord(text: string): FunctionRecord {
  return record.parse(JSON.parse(text));
}

/** The generation with this id, if it is one that the record still wants to run. */
export function wantedGeneration(record: FunctionRecord, id: string): Generation | undefined {
  return [record.current, record.candidate].find((generation) => generation?.id === id);
}

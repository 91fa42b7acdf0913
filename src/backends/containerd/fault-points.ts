/** Points at which a crash leaves something different behind, as steps of a replica or of a record begin. */
export const faultPoints = [
  'record.write',
  'record.written',
  'record.delete',
  'record.deleted',
  'create.lease',
  'create.snapshot',
  'create.container',
  'start.attach',
  'start.files',
  'start.task',
  'start.process',
  'started',
  'stop.kill',
  'stop.task',
  'delete.logs',
  'delete.outside',
  'delete.snapshot',
  'delete.container',
  'deleted',
] as const;

export type FaultPoint = (typeof faultPoints)[number];

/** Called as a step begins; tests end the process there. */
export type AtFaultPoint = (point: FaultPoint) => void;

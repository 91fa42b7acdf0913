import { constants } from 'node:os';
import type { Labels } from '../../../containerd/index.ts';

/** The label that containerd's own client puts on a container record for its image's STOPSIGNAL. */
const label = 'io.containerd.image.config.stop-signal';
const sigterm = 15;
/** The real-time signals as C libraries count them (signal(7)): the first two are theirs. */
const realTime = { MIN: 34, MAX: 64 };

/** Makes the label by which a replica's stop knows its signal; none where the image names none that there is. */
export function stopSignalLabel(imageSignal: string | null | undefined): Labels {
  const signal = signalNumber(imageSignal ?? '');
  return signal === undefined ? {} : { [label]: String(signal) };
}

/** Returns the signal that asks a replica's first process to end: its image's, else SIGTERM. */
export function stopSignalOf(labels: Labels): number {
  return signalNumber(labels[label] ?? '') ?? sigterm;
}

/**
 * Reads a signal as images have it: a number, a name with or without SIG, or a real-time one such as `SIGRTMIN+3`.
 * @returns its number; undefined when there is no such signal
 */
export function signalNumber(text: string): number | undefined {
  const name = text.trim().toUpperCase().replace(/^SIG/, '');
  const [, end, offset = '0'] = /^RT(MIN|MAX)([+-]\d{1,2})?$/.exec(name) ?? [];
  const number = /^\d{1,2}$/.test(name)
    ? Number(name)
    : end === 'MIN' || end === 'MAX'
      ? realTime[end] + Number(offset)
      : 0;
  if (number >= 1 && number <= realTime.MAX) return number;
  return (constants.signals as Partial<Record<string, number>>)[`SIG${name}`];
}

/** How finely the event loop is watched. */
const resolutionMs = 5;

const program = `
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
const histogram = monitorEventLoopDelay({ resolution: ${resolutionMs} });
let watching = false;
process.on('SIGUSR2', () => {
  watching = !watching;
  if (watching) return void (histogram.reset(), histogram.enable());
  histogram.disable();
  writeFileSync(process.env.STANDSTILL, String(histogram.max / 1e6 - ${resolutionMs}));
});`;

/**
 * Environment of a daemon that watches how long its event loop stands still: from a first SIGUSR2 on; the next one writes the
 * longest time in milliseconds to the file, and ends the watch, which costs a little of the processor. As JavaScript in
 * an option, as what runs TypeScript takes memory that is measured too.
 */
export function watchingStandstill(file: string): Record<string, string> {
  return { STANDSTILL: file, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` };
}

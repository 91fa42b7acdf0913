/** Pushes what no Pod of the cluster starts without, and the function that tests deploy; prints what it has pushed. */
import { functionImage, pauseImage } from '../functions.ts';
import { until } from '../poll.ts';
import { labRegistry } from './registry.ts';

await until(async () => (await fetch(`${labRegistry.url}/v2/`)).ok, { message: "the cluster's registry" });
const images = [await pauseImage(labRegistry), await functionImage(labRegistry)];
for (const { reference } of images) console.log(reference);

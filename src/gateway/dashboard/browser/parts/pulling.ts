import { useLive } from '../live.ts';
import { html } from '../preact.js';
import { bytesText } from '../texts.ts';

/** How far the pull of an image is, while it is pulled. */
export function Pulling({ image, namespace }: { image: string; namespace: string }) {
  const pull = useLive().pulls.find((each) => each.namespace === namespace && isSame(each.image, image));
  if (!pull) return null;
  const { bytes, totalBytes } = pull;
  const text = totalBytes > 0 ? `${bytesText(bytes)} of ${bytesText(totalBytes)}` : 'asking the registry';
  return html`<label class="pulling">
    Pulling the image: ${text}
    <progress max=${totalBytes || 1} value=${totalBytes > 0 ? bytes : undefined} />
  </label>`;
}

/** A reference may be told in full: `docker.io/library/alpine:latest` is `alpine`. */
function isSame(told: string, typed: string): boolean {
  return [typed, `${typed}:latest`].some((each) => told === each || told.endsWith(`/${each}`));
}

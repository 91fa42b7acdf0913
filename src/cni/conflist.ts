import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { firstIssue } from '../base/first-issue.ts';
import { CniError } from './cni-error.ts';

// The name becomes part of file names here and in IPAM plugins, and a type is looked up as a file: no slashes in either.
const pluginConfig = z.looseObject({
  type: z.string().regex(/^[^/]+$/),
  capabilities: z.record(z.string(), z.boolean()).optional(),
});

const conflist = z.looseObject({
  cniVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/),
  plugins: z.array(pluginConfig).min(1),
});

/** One plugin of a network configuration list; fields that the plugin knows and we do not are kept. */
export type PluginConfig = z.infer<typeof pluginConfig>;

/** A network configuration list, a conflist: https://www.cni.dev/docs/spec/#configuration-format. */
export type Conflist = z.infer<typeof conflist>;

/**
 * Reads a network configuration list from a file.
 * @throws CniError naming the file when it cannot be read or is no conflist
 */
export async function loadConflist(path: string): Promise<Conflist> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CniError(`cannot read the network configuration ${path}`, { cause });
  });
  return parseConflist(text, path);
}

/**
 * Parses a network configuration list.
 * @param source where the text is from, for the error
 * @throws CniError saying which field is wrong
 */
export function parseConflist(text: string, source = 'the network configuration'): Conflist {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CniError(`${source} is not JSON`, { cause });
  }
  const parsed = conflist.safeParse(json);
  if (!parsed.success) {
    throw new CniError(`${source} is not a CNI conflist: ${firstIssue(parsed.error, 'it')}`, { cause: parsed.error });
  }
  return parsed.data;
}

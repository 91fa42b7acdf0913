import { InOrder } from '../base/in-order.ts';
import { parseJson } from '../base/parse-json.ts';
import { systemPath } from '../base/run-program.ts';
import { CniError, type CniCommand } from './cni-error.ts';
import type { Conflist, PluginConfig } from './conflist.ts';
import { execPlugin, type PluginHost } from './exec.ts';
import { ResultCache } from './result-cache.ts';
import { cniResult, type CniResult } from './result.ts';

export interface CniNetworkOptions {
  conflist: Conflist;
  /** Directories searched for plugins, in order. */
  binDirs: string[];
  /** Folder for the results of ADD; put it under /run, as no result outlives its network namespace. */
  cacheDir: string;
  /** PATH for what plugins start themselves. */
  path?: string;
  /** How long one plugin may take, 30 s unless set; then it is killed. */
  timeoutMs?: number;
}

/** One interface of one container. */
export interface CniTarget {
  /** Letters, digits, `_`, `.` and `-`, starting with a letter or digit. */
  containerId: string;
  /** At most 15 characters, no slash, no space. */
  interfaceName: string;
}

/** An interface to be made, and the network namespace that it lies in. */
export interface CniAttachment extends CniTarget {
  netnsPath: string;
}

/**
 * Adds containers to one network and removes them, as libcni does: https://www.cni.dev/docs/spec/#section-3-execution-of-network-configurations.
 * Operations for one container wait for each other; different containers run in parallel.
 */
export class CniNetwork {
  readonly #conflist: Conflist;
  readonly #host: PluginHost;
  readonly #cache: ResultCache;
  readonly #inOrder = new InOrder();

  constructor({ conflist, binDirs, cacheDir, path = systemPath, timeoutMs = 30_000 }: CniNetworkOptions) {
    this.#conflist = conflist;
    this.#host = { binDirs, path, timeoutMs };
    this.#cache = new ResultCache({ dir: cacheDir, networkName: conflist.name });
  }

  /**
   * Adds a container: runs the plugins in order. A failure is undone before it is thrown. A target that has a result
   * already is refused, since undoing a second ADD would take the first one down.
   * @throws CniError when a plugin fails or the target is refused
   */
  add(attachment: CniAttachment): Promise<CniResult> {
    return this.#inTurn(attachment, async () => {
      if (await this.#cache.read(attachment)) {
        throw new CniError(`${attachment.containerId} is in network ${this.#conflist.name} already: remove it first`);
      }
      try {
        const result = await this.#addChain(attachment);
        await this.#cache.write({ ...attachment, conflist: this.#conflist, result });
        return result;
      } catch (error) {
        await this.#undo(attachment, error);
        throw error;
      }
    });
  }

  /**
   * Removes a container: runs the plugins in reverse with the result of ADD, and with the configuration as it was then.
   * Nothing to remove is fine. Without a netnsPath, plugins free what lies outside of the namespace, such as addresses.
   * @throws CniError when a plugin fails; the result is kept, so that a later DEL can finish
   */
  del(target: CniTarget & { netnsPath?: string }): Promise<void> {
    return this.#inTurn(target, () => this.#delChain(target));
  }

  /** Answers the result of the ADD that no DEL has followed; undefined where there is none. */
  async result(target: CniTarget): Promise<CniResult | undefined> {
    const cached = await this.#cache.read(checked(target));
    return cached?.result;
  }

  /** Lists the containers that have a result. */
  async containerIds(): Promise<string[]> {
    const cached = await this.#cache.list();
    return [...new Set(cached.map(({ containerId }) => containerId))];
  }

  async #addChain(attachment: CniAttachment): Promise<CniResult> {
    let prevResult: CniResult | undefined;
    for (const plugin of this.#conflist.plugins) {
      const stdout = await this.#exec('ADD', attachment, requestOf(this.#conflist, plugin, prevResult));
      prevResult = resultOf(plugin, stdout);
    }
    if (!prevResult) throw new CniError(`network ${this.#conflist.name} has no plugins`);
    return prevResult;
  }

  async #delChain(target: CniTarget & { netnsPath?: string }): Promise<void> {
    const cached = await this.#cache.read(target);
    const conflist = cached?.conflist ?? this.#conflist;
    for (const plugin of conflist.plugins.toReversed()) {
      await this.#exec('DEL', target, requestOf(conflist, plugin, cached?.result));
    }
    await this.#cache.remove(target);
  }

  async #undo(attachment: CniAttachment, addError: unknown): Promise<void> {
    try {
      await this.#delChain(attachment);
    } catch (delError) {
      const cause = new AggregateError([addError, delError]);
      throw new CniError(`${messageOf(addError)}; undoing it failed as well: ${messageOf(delError)}`, { cause });
    }
  }

  #exec(command: CniCommand, target: CniTarget & { netnsPath?: string }, request: PluginRequest): Promise<string> {
    const { containerId, interfaceName, netnsPath = '' } = target;
    const parameters = { CNI_CONTAINERID: containerId, CNI_NETNS: netnsPath, CNI_IFNAME: interfaceName };
    return execPlugin({ plugin: request.type, command, parameters, request }, this.#host);
  }

  // Async, so that a target that is refused rejects.
  async #inTurn<T>(target: CniTarget, operation: () => Promise<T>): Promise<T> {
    return this.#inOrder.run(checked(target).containerId, operation);
  }
}

type PluginRequest = PluginConfig & { name: string; cniVersion: string; prevResult?: CniResult };

// `capabilities` says what a runtime may put into runtimeConfig, and is not for the plugin; berth supplies none.
function requestOf(conflist: Conflist, plugin: PluginConfig, prevResult?: CniResult): PluginRequest {
  const config = { ...plugin };
  delete config.capabilities;
  return { ...config, name: conflist.name, cniVersion: conflist.cniVersion, ...(prevResult && { prevResult }) };
}

function resultOf({ type: plugin }: PluginConfig, stdout: string): CniResult {
  const parsed = cniResult.safeParse(parseJson(stdout));
  if (parsed.success) return parsed.data;
  const details = `it printed ${JSON.stringify(stdout.slice(0, 200))}`;
  throw new CniError('its result is not valid', { plugin, command: 'ADD', details, cause: parsed.error });
}

// Both end up in file names.
function checked<T extends CniTarget>(target: T): T {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(target.containerId)) {
    throw new CniError(`container id ${JSON.stringify(target.containerId)} is not a CNI container id`);
  }
  if (!/^[^/\s:]{1,15}$/.test(target.interfaceName) || ['.', '..'].includes(target.interfaceName)) {
    throw new CniError(`interface name ${JSON.stringify(target.interfaceName)} is not a Linux interface name`);
  }
  return target;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

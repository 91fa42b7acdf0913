import { CniError, type CniCommand } from './cni-error.ts';
import type { Conflist, PluginConfig } from './conflist.ts';
import { execPlugin, parseJson, type PluginHost } from './exec.ts';
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
  /** For one plugin; then it is killed. */
  timeoutMs?: number;
}

/** One interface of one container. */
export interface CniTarget {
  /** Letters, digits, `_`, `.` and `-`, starting with a letter or digit. */
  containerId: string;
  /** At most 15 characters, no slash, no space. */
  interfaceName: string;
}

/** A target and the network namespace that it lies in. */
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
  readonly #lastOf = new Map<string, Promise<unknown>>();

  constructor({ conflist, binDirs, cacheDir, path, timeoutMs = 30_000 }: CniNetworkOptions) {
    this.#conflist = conflist;
    this.#host = { binDirs, path: path ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', timeoutMs };
    this.#cache = new ResultCache({ dir: cacheDir, networkName: conflist.name });
  }

  /**
   * Runs the plugins in order. A failure is undone before it is thrown. A target that has a result already is refused,
   * since undoing a second ADD would take the first one down.
   * @throws CniError
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
   * Runs the plugins in reverse with the result of ADD, and with the configuration as it was then. Nothing to remove is
   * fine. Without a netnsPath, plugins free what lies outside of the namespace, such as addresses.
   * @throws CniError; the result is kept, so that a later DEL can finish
   */
  del(target: CniTarget & { netnsPath?: string }): Promise<void> {
    return this.#inTurn(target, () => this.#delChain(target));
  }

  /** The result of the ADD that no DEL has followed. */
  async result(target: CniTarget): Promise<CniResult | undefined> {
    const cached = await this.#cache.read(checked(target));
    return cached?.result;
  }

  /** Containers that have a result. */
  async containerIds(): Promise<string[]> {
    const cached = await this.#cache.list();
    return [...new Set(cached.map(({ containerId }) => containerId))];
  }

  async #addChain(attachment: CniAttachment): Promise<CniResult> {
    let prevResult: CniResult | undefined;
    for (const plugin of this.#conflist.plugins) {
      const stdout = await this.#exec('ADD', attachment, requestOf(this.#conflist, plugin, prevResult));
      const parsed = cniResult.safeParse(parseJson(stdout));
      if (!parsed.success) {
        const details = `it printed ${JSON.stringify(stdout.slice(0, 200))}`;
        throw new CniError('its result is not valid', {
          plugin: plugin.type,
          command: 'ADD',
          details,
          cause: parsed.error,
        });
      }
      prevResult = parsed.data;
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
    const parameters = {
      CNI_CONTAINERID: target.containerId,
      CNI_NETNS: target.netnsPath ?? '',
      CNI_IFNAME: target.interfaceName,
    };
    return execPlugin({ plugin: request.type, command, parameters, request }, this.#host);
  }

  async #inTurn<T>(target: CniTarget, operation: () => Promise<T>): Promise<T> {
    const { containerId } = checked(target);
    const before = this.#lastOf.get(containerId) ?? Promise.resolve();
    const mine = before.then(operation, operation);
    this.#lastOf.set(containerId, mine);
    try {
      return await mine;
    } finally {
      if (this.#lastOf.get(containerId) === mine) this.#lastOf.delete(containerId);
    }
  }
}

type PluginRequest = PluginConfig & { name: string; cniVersion: string; prevResult?: CniResult };

// `capabilities` says what a runtime may put into runtimeConfig, and is not for the plugin; berth supplies none.
function requestOf(conflist: Conflist, plugin: PluginConfig, prevResult?: CniResult): PluginRequest {
  const config = { ...plugin };
  delete config.capabilities;
  return { ...config, name: conflist.name, cniVersion: conflist.cniVersion, ...(prevResult && { prevResult }) };
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

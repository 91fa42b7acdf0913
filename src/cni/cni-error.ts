/** The operations of the CNI spec that berth asks plugins for: https://www.cni.dev/docs/spec/ (section 2). */
export type CniCommand = 'ADD' | 'DEL' | 'VERSION';

/** What is known of a failure besides its message. */
export interface CniErrorFields {
  /** Type of the plugin that failed, such as `bridge`; absent when the configuration itself is at fault. */
  plugin?: string;
  command?: CniCommand;
  /** The plugin's own code, spec section 5: below 100 reserved by the spec, from 100 on the plugin's. */
  code?: number;
  details?: string;
  cause?: unknown;
}

/** A plugin's failure, or a configuration or result that breaks the CNI spec. */
export class CniError extends Error {
  override name = 'CniError';
  readonly plugin?: string;
  readonly command?: CniCommand;
  readonly code?: number;
  /** What the plugin said, without the prefix that `message` has. */
  readonly msg: string;
  readonly details?: string;

  constructor(msg: string, fields: CniErrorFields = {}) {
    super(describe(msg, fields), { cause: fields.cause });
    this.msg = msg;
    this.plugin = fields.plugin;
    this.command = fields.command;
    this.code = fields.code;
    this.details = fields.details;
  }
}

function describe(msg: string, { plugin, command, code, details }: CniErrorFields): string {
  const where = plugin && command ? `CNI plugin ${plugin} failed to ${command}: ` : '';
  const coded = code === undefined ? '' : ` (code ${code})`;
  return `${where}${msg}${details ? `; ${details}` : ''}${coded}`;
}

// Original file: protos/runc_options.proto

export interface Options {
  noPivotRoot?: boolean;
  noNewKeyring?: boolean;
  shimCgroup?: string;
  ioUid?: number;
  ioGid?: number;
  binaryName?: string;
  root?: string;
  systemdCgroup?: boolean;
}

export interface Options__Output {
  noPivotRoot: boolean;
  noNewKeyring: boolean;
  shimCgroup: string;
  ioUid: number;
  ioGid: number;
  binaryName: string;
  root: string;
  systemdCgroup: boolean;
}

// Original file: protos/types.proto

export interface Platform {
  os?: string;
  architecture?: string;
  variant?: string;
}

export interface Platform__Output {
  os: string;
  architecture: string;
  variant: string;
}

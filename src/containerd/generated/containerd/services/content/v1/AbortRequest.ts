// Original file: protos/content.proto

export interface AbortRequest {
  ref?: string;
}

export interface AbortRequest__Output {
  ref: string;
}

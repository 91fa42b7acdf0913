// Original file: protos/content.proto

export interface StatusRequest {
  ref?: string;
}

export interface StatusRequest__Output {
  ref: string;
}

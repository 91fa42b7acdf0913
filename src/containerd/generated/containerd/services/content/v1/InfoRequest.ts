// Original file: protos/content.proto

export interface InfoRequest {
  digest?: string;
}

export interface InfoRequest__Output {
  digest: string;
}

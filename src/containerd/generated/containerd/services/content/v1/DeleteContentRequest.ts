// Original file: protos/content.proto

export interface DeleteContentRequest {
  digest?: string;
}

export interface DeleteContentRequest__Output {
  digest: string;
}

export * from './provider/sdk.ts';

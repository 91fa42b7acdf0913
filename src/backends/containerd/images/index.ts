export { Images } from './images.ts';
export type { UnpackedImage } from './unpacked-image.ts';
export type { UsedImage } from './used-names.ts';

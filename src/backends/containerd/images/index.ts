export { Images, type UsedImage } from './images.ts';
export type { UnpackedImage } from './unpacked-image.ts';

export { Images, type ImagesOptions, type UsedImage } from './images.ts';
export type { UnpackedImage } from './unpacked-image.ts';

export { Images, type ImagesOptions, type PullPolicy } from './images.ts';
export type { UnpackedImage } from './unpacked-image.ts';

export { FunctionsFolder } from './functions-folder.ts';

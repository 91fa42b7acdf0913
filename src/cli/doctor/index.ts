export { doctorVerb } from './doctor-verb.ts';

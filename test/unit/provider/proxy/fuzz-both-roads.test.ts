import test from 'ava';
import { bentTheSame, passTheSame } from './fuzz-both-roads.ts';

test.serial('well-formed requests and replies pass the same by both roads', (t) => passTheSame(t));
test.serial('of bent replies no caller gets one answer by one road and another by the other', bentTheSame);

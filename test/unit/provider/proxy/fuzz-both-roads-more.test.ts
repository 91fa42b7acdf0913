import test from 'ava';
import { passTheSame } from './fuzz-both-roads.ts';

test('more well-formed requests and replies pass the same by both roads', (t) => passTheSame(t, 1 << 29));

import test from 'ava';
import { createLog, describeError, type LogOptions } from '../../../src/base/log.ts';

function linesOf(options: LogOptions, act: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  act(createLog({ ...options, write: (line) => lines.push(line) }));
  return lines;
}

test('a line has its time, its level, the message and its fields', (t) => {
  const [line] = linesOf({}, (log) => log.info('replica ready', { function: 'a.b', ip: '10.62.0.2', count: 3 }));
  t.regex(line ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z info replica ready function=a\.b ip=10\.62\.0\.2 count=3\n$/);
});

test('to the journal a line begins with its priority and has no time, which the journal knows', (t) => {
  const lines = linesOf({ level: 'debug', journal: true }, (log) => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  });
  t.deepEqual(lines, ['<7>d\n', '<6>i\n', '<4>w\n', '<3>e\n']);
});

test('what is below the level is dropped', (t) => {
  const lines = linesOf({ level: 'warn', journal: true }, (log) => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  });
  t.deepEqual(lines, ['<4>w\n', '<3>e\n']);
});

test('whatever is logged is one line: nobody outside can forge another', (t) => {
  const lines = linesOf({ journal: true }, (log) =>
    log.info('a\nb\r\nc', { text: 'x\n<3>forged', error: new Error('first\nsecond'), list: ['a\n'] }),
  );
  t.is(lines.length, 1);
  t.is(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
});

test('a value with a blank, a quote or nothing in it is quoted; an undefined one is left out', (t) => {
  const [line] = linesOf({ journal: true }, (log) =>
    log.info('m', { blank: 'a b', quote: 'a"b', empty: '', none: undefined, nothing: null }),
  );
  t.is(line, '<6>m blank="a b" quote="a\\"b" empty="" nothing=null\n');
});

test('an error is described by its message and those of its causes, outermost first, each said once', (t) => {
  const root = new Error('connect ECONNREFUSED');
  const middle = new Error('cannot reach the registry: connect ECONNREFUSED', { cause: root });
  const outer = new Error('cannot pull fn', { cause: middle });
  t.is(describeError(outer), 'cannot pull fn: cannot reach the registry: connect ECONNREFUSED');
  t.is(describeError('plain'), 'plain');
  t.is(describeError(undefined), 'undefined');
});

test('an error that is its own cause is described once', (t) => {
  const error = new Error('round');
  error.cause = error;
  t.is(describeError(error), 'round');
});

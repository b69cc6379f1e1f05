import { expect, test } from 'vitest';
import { assert, Failure, unreachable } from './failure.ts';

test('a failure says whether the same call may succeed later, and keeps its cause', () => {
  const cause = new Error('ECONNRESET');
  const failure = new Failure('STORE_UNREACHABLE', 'the database is away', {
    retryable: true,
    cause,
  });
  expect(failure).toBeInstanceOf(Error);
  expect(failure).toMatchObject({
    name: 'Failure',
    code: 'STORE_UNREACHABLE',
    retryable: true,
    cause,
  });
});

test('a bug is distinguished from a failure', () => {
  const bug = (run: () => void): unknown => {
    try {
      run();
    } catch (error) {
      return error;
    }
    return expect.unreachable();
  };
  const bugs = [bug(() => assert(0, 'seats are counted')), bug(() => unreachable(1 as never))];
  for (const error of bugs) {
    expect(error).not.toBeInstanceOf(Failure);
    expect(String(error)).toContain('assertion failed: ');
  }
  assert(1, 'nothing happens');
});

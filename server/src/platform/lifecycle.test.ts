import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { makeLifecycle } from './lifecycle.ts';
import { silentLog } from './log.ts';

const open = () => {
  const closed: string[] = [];
  const errors: unknown[] = [];
  const log = { ...silentLog, debug: () => {}, error: (fields: unknown) => errors.push(fields) };
  return { life: makeLifecycle(log as never), closed, errors };
};

test('the part that was opened last is closed first, one after the other', async () => {
  const { life, closed } = open();
  const closer = (name: string) => async () => {
    closed.push(`${name} begins`);
    await Promise.resolve();
    closed.push(`${name} is closed`);
  };
  life.onClose('database', closer('database'));
  life.onClose('http', closer('http'));
  await life.close();
  expect(closed).toEqual([
    'http begins',
    'http is closed',
    'database begins',
    'database is closed',
  ]);
});

test('a part that fails to close is reported, and the others are still closed', async () => {
  const { life, closed, errors } = open();
  life.onClose('database', () => void closed.push('database'));
  life.onClose('jobs', () => Promise.reject(new Error('stuck')));
  life.onClose('relay', () => {
    throw new Error('stuck at once');
  });
  await life.close();
  expect(closed).toEqual(['database']);
  expect(errors).toMatchObject([{ part: 'relay' }, { part: 'jobs' }]);
});

test('closing twice closes once, and both callers wait for it', async () => {
  const { life, closed } = open();
  let end = (): void => expect.unreachable();
  life.onClose('http', () => {
    closed.push('http begins');
    return new Promise<void>((resolve) => (end = resolve));
  });
  life.onClose('relay', () => void closed.push('relay'));
  const both = [life.close(), life.close()];
  await until('http closes', () => closed.includes('http begins'));
  end();
  await Promise.all(both);
  expect(closed).toEqual(['relay', 'http begins']);
});

test('a part that is opened during the close is closed as well', async () => {
  const { life, closed } = open();
  life.onClose('http', () => life.onClose('late', () => void closed.push('late')));
  await life.close();
  expect(closed).toEqual(['late']);
});

test('a part that a cancelled start still opens is closed by the next close', async () => {
  const { life, closed } = open();
  await life.close();
  life.onClose('too late', () => void closed.push('too late'));
  await life.close();
  expect(closed).toEqual(['too late']);
});

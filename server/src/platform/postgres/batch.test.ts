import { expect, test } from 'vitest';
import { callFunction, milliseconds } from './batch.ts';

test('a function is called with named parameters and returns its single value', async () => {
  const asked: unknown[] = [];
  const db = {
    query: async <Row>(text: string, params?: readonly unknown[]): Promise<Row[]> => {
      asked.push(text, params);
      return [{ answer: 'done' }] as Row[];
    },
  };
  const args = { hold_ids: ['a', 'b'], ttl: milliseconds(1500) };
  expect(await callFunction(db, 'seats.take', args)).toBe('done');
  expect(asked).toEqual([
    'SELECT seats.take(hold_ids => $1, ttl => $2) AS answer',
    [['a', 'b'], '1500 milliseconds'],
  ]);
  await expect(callFunction({ query: async () => [] }, 'seats.take', {})).rejects.toThrow(
    'seats.take answers',
  );
});

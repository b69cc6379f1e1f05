import { describe, expect, test } from 'vitest';
import { callFunction, columns, milliseconds, rows } from './batch.ts';

type Asked = { holdId: string; seatNos: number[] };
const requests: Asked[] = [
  { holdId: 'a', seatNos: [1] },
  { holdId: 'b', seatNos: [2, 3] },
];

test('a batch becomes one array per parameter, in the order of the requests', () => {
  const read = {
    hold_ids: (r: Asked) => r.holdId,
    seats: (r: Asked) => `{${r.seatNos.join()}}`,
  };
  expect(columns(requests, read)).toEqual({ hold_ids: ['a', 'b'], seats: ['{1}', '{2,3}'] });
  expect(columns([], read)).toEqual({ hold_ids: [], seats: [] });
});

describe('a result in columns', () => {
  test('becomes one row per request, in their order, including nulls', () => {
    const answer = { outcome: ['held', 'taken'], deadline: ['soon', null] };
    expect(rows(answer, 2)).toEqual([
      { outcome: 'held', deadline: 'soon' },
      { outcome: 'taken', deadline: null },
    ]);
  });

  test('is rejected if it has more or fewer values than there were requests', () => {
    for (const outcome of [['held'], ['held', 'held', 'taken']])
      expect(() => rows({ outcome, deadline: ['soon', 'soon'] }, 2)).toThrow(
        `${outcome.length} values of outcome for 2 requests`,
      );
  });
});

test('a function is called with named parameters and returns its single value', async () => {
  const asked: unknown[] = [];
  const db = {
    query: async <Row>(text: string, params?: readonly unknown[]): Promise<Row[]> => {
      asked.push(text, params);
      return [{ answer: 'done' }] as Row[];
    },
  };
  const args = { ...columns(requests, { hold_ids: (r) => r.holdId }), ttl: milliseconds(1500) };
  expect(await callFunction(db, 'seats.take', args)).toBe('done');
  expect(asked).toEqual([
    'SELECT seats.take(hold_ids => $1, ttl => $2) AS answer',
    [['a', 'b'], '1500 milliseconds'],
  ]);
  await expect(callFunction({ query: async () => [] }, 'seats.take', {})).rejects.toThrow(
    'seats.take answers',
  );
});

import { describe, expect, test } from 'vitest';
import { makeBatcher } from './batcher.ts';
import { currentTraceIds, inTraces, newTraceId, traceIdOf } from './trace-scope.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('a traceparent header', () => {
  test.each([
    `00-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-00`,
    `01-${traceId}-${spanId}-01-x`,
  ])('carries the trace of «%s»', (header) => {
    expect(traceIdOf(header)).toBe(traceId);
  });

  test.each([
    '',
    'none',
    traceId,
    `00-${traceId}`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-1`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-x`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    ` 00-${traceId}-${spanId}-01`,
    [`00-${traceId}-${spanId}-01`],
    undefined,
  ])('carries no trace when it is «%s»', (header) => {
    expect(traceIdOf(header)).toBeNull();
  });
});

describe('running code', () => {
  test('belongs to no trace by default', () => {
    expect(currentTraceIds()).toEqual([]);
  });

  test('in a trace belongs to it until it ends, and concurrent code does not', async () => {
    const seen = async (id: string) =>
      inTraces([id], async () => {
        await Promise.resolve();
        return currentTraceIds();
      });
    expect(await Promise.all([seen('a'), seen('b'), currentTraceIds()])).toEqual([
      ['a'],
      ['b'],
      [],
    ]);
  });

  test('that was batched with other calls does not belong to the trace of the first', async () => {
    const seen: (readonly string[])[] = [];
    const batcher = makeBatcher<number, number>({
      name: 'test',
      run: async (items) => {
        seen.push(currentTraceIds());
        return items;
      },
    });
    const after = await inTraces(['a'], async () => {
      await batcher.add(1);
      return currentTraceIds();
    });
    expect({ seen, after }).toEqual({ seen: [[]], after: ['a'] });
  });
});

test('a request without a trace gets a new one, even after the ids fetched in bulk run out', () => {
  const made = Array.from({ length: 1000 }, newTraceId);
  expect(new Set(made).size).toBe(1000);
  expect(made.every((id) => traceIdOf(`00-${id}-${spanId}-01`) === id)).toBe(true);
});

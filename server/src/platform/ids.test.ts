import { idOf } from '@usher/contract/primitives.ts';
import type { IdKind } from '@usher/domain/ids.ts';
import { idPrefixes } from '@usher/domain/ids.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from './clock.ts';
import { makeIds } from './ids.ts';

const startMs = Date.UTC(2026, 11, 24, 10, 30);
const kinds = Object.keys(idPrefixes) as IdKind[];

describe('a new id', () => {
  test.each(kinds)('of a %s matches the contract', (kind) => {
    const ids = makeIds(manualClock(startMs));
    expect(idOf(kind).safeParse(ids.make(kind)).success).toBe(true);
    expect(idOf(kind).safeParse(ids.fromParts(kind, 'a', 'b')).success).toBe(true);
  });

  test('is never generated twice', () => {
    const ids = makeIds(manualClock(startMs));
    const made = Array.from({ length: 10_000 }, () => ids.make('order'));
    expect(new Set(made).size).toBe(made.length);
  });

  test('sorts after all ids of earlier milliseconds: indexes grow at their end', async () => {
    const clock = manualClock(startMs);
    const ids = makeIds(clock);
    const made: string[] = [];
    for (let i = 0; i < 100; i++) {
      made.push(ids.make('order'));
      await clock.advance(1);
    }
    expect(made).toEqual(made.toSorted());
  });

  test('uses every random byte once, whether for ids or for secrets', () => {
    let next = 0;
    const spent: number[] = [];
    const counting = (size: number) => {
      const bytes = new Uint8Array(size);
      for (let i = 0; i < size; i++) bytes[i] = ++next % 256;
      return bytes;
    };
    const ids = makeIds(manualClock(startMs), counting);
    for (let i = 0; i < 1000; i++) spent.push(...Buffer.from(ids.secret(), 'base64url'));
    // Sixteen bytes of a counter at a time: none twice, none before its turn.
    for (const [i, byte] of spent.entries()) if (byte !== (i + 1) % 256) expect.unreachable();
  });

  test('of a kind contains all of the time and all of the random bits', () => {
    const ones = makeIds({ ...manualClock(0), nowMs: () => 2 ** 48 - 1 }, (size) =>
      new Uint8Array(size).fill(255),
    );
    expect(ones.make('order')).toBe(`ord_7${'z'.repeat(25)}`);
    const zeros = makeIds(manualClock(0), (size) => new Uint8Array(size));
    expect(zeros.make('order')).toBe(`ord_${'0'.repeat(26)}`);
  });
});

describe('an id derived from parts', () => {
  const ids = makeIds(manualClock(startMs));

  test('is the same for the same parts, in every process and at any time', async () => {
    const later = makeIds(manualClock(startMs + 86_400_000));
    expect(later.fromParts('hold', 'buyer', 'key')).toBe(ids.fromParts('hold', 'buyer', 'key'));
  });

  test('never changes: a retry after an upgrade names what its first call made', () => {
    expect(ids.fromParts('hold', 'acc_1', 'perf_1', 'key')).toBe('hold_6kz8qz98hagxsdc6zr69tg96pd');
  });

  test('differs if a part or the boundary between two parts differs', () => {
    const parts = fc.array(fc.string({ unit: 'binary-ascii' }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const isSame = ids.fromParts('hold', ...a) === ids.fromParts('hold', ...b);
        expect(isSame).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      {
        numRuns: 500,
        examples: [
          [
            ['ab', 'c'],
            ['a', 'bc'],
          ],
          [
            ['a:1', ''],
            ['a', ':1'],
          ],
        ],
      },
    );
  });
});

test('a secret has 128 random bits', () => {
  const ids = makeIds(manualClock(startMs));
  const made = Array.from({ length: 1000 }, () => ids.secret());
  expect(new Set(made).size).toBe(made.length);
  expect(made.every((secret) => Buffer.from(secret, 'base64url').length === 16)).toBe(true);
});

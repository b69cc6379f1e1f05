import { describe, expect, test } from 'vitest';
import { mutateTypeScript } from './typescript.ts';

const list = (text: string): string[] =>
  mutateTypeScript('a.ts', text).map(({ operator, from, to }) => `${operator}: ${from} → ${to}`);

describe('the mutations of TypeScript', () => {
  test('invert equality and move the boundaries of an order', () => {
    expect(list('a === b; a !== b; a < b; a <= b; a > b; a >= b;')).toEqual([
      'compare: a === b → a !== b',
      'compare: a !== b → a === b',
      'compare: a < b → a <= b',
      'compare: a <= b → a < b',
      'compare: a > b → a >= b',
      'compare: a >= b → a > b',
    ]);
  });

  test('swap the joints of conditions, and remove negations', () => {
    expect(list('const x = a && !b || !!c;')).toEqual([
      'swap: a && !b || !!c → a && !b && !!c',
      'swap: a && !b → a || !b',
      'affirm: !b → b',
    ]);
  });

  test('make a choice always and never, and a loop never', () => {
    expect(list('if (a) b(); const x = c ? 1 : 2; while (d) e(); while (true) f();')).toEqual([
      'set: a → true',
      'set: a → false',
      'set: c → true',
      'set: c → false',
      'set: d → false',
      'set: true → false',
    ]);
  });

  test('leave types, strings and comments alone', () => {
    expect(list("type A<T> = T extends string ? 1 : 2; const x = 'a === b'; // a < b")).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { mutateLua } from './lua.ts';

const list = (text: string): string[] =>
  mutateLua(text).map(({ operator, from, to }) => `${operator}: ${from} → ${to}`);

describe('the mutations of a script', () => {
  test('drop the terms of a condition, and make it always and never true', () => {
    expect(list('if not pass or pass.endsAt <= now then return 1 end')).toEqual([
      'drop: not pass → ',
      'drop: pass.endsAt <= now → ',
      'affirm: not pass → pass',
      'compare: pass.endsAt <= now → pass.endsAt < now',
      'set: not pass or pass.endsAt <= now → true',
      'set: not pass or pass.endsAt <= now → false',
    ]);
  });

  test('never make a loop endless on purpose', () => {
    expect(list('while at <= last do at = at + 1 end')).toEqual([
      'compare: at <= last → at < last',
      'set: at <= last → false',
    ]);
  });

  test('change comparisons, negations and joints outside of conditions', () => {
    expect(list("local isDrawn = known[9] ~= '0'\nreturn x and not y")).toEqual([
      "compare: local isDrawn = known[9] ~= '0' → local isDrawn = known[9] == '0'",
      'swap: return x and not y → return x or not y',
      'affirm: return x and not y → return x and y',
    ]);
  });

  test('leave comments, strings and assignments alone', () => {
    expect(list("-- if a == b\nlocal x = 'a == b'\nlocal t = { n = 1 }\n--[[ not\n a ]]")).toEqual(
      [],
    );
  });
});

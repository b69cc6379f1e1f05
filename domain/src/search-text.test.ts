import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchIndex, searchNeedles } from './search-text.ts';

/** What the database does with an index and needles. */
const finds = (query: string, names: string[], texts: string[] = []): boolean => {
  const index = searchIndex(names, texts);
  const { needles, grams } = searchNeedles(query);
  const grammed = new Set(index.grams);
  const isCandidate = grams.every((gram) => grammed.has(gram));
  const isHit = needles.every((needle) => index.text.includes(needle));
  // The grams may never exclude what the needles would accept.
  if (isHit) expect(isCandidate).toBe(true);
  return needles.length > 0 && isHit;
};

describe('a search finds', () => {
  test.each([
    ['오페라', '오페라의밤', 'a Korean word inside another'],
    ['밤', '오페라의밤', 'a Korean word of one character at the end'],
    ['오페라의 밤', '오페라의밤', 'words that the title glues together'],
    ['레미제라블', '레 미제라블', 'a name whose spaces the searcher leaves out'],
    ['OPERA', 'Night of Opera', 'in upper or lower case'],
    ['ope', 'Night of Opera', 'the beginning of a word'],
    ['opera night', 'Night of Opera', 'words in any order'],
    ['miserables', 'Les Misérables', 'letters without their accents'],
    ['ｏｐｅｒａ', 'Opera', 'full-width letters'],
    ['오페라'.normalize('NFD'), '오페라의밤', 'Korean that is typed decomposed'],
    ['오페라', '오페라의밤'.normalize('NFD'), 'Korean that is stored decomposed'],
    ['bts', '방탄BTS콘서트', 'Latin letters between Korean ones'],
    ['bts콘서트', 'BTS 콘서트 2026', 'Korean and Latin glued by the searcher'],
    ['2026', '2026년 송년음악회', 'a number that Korean follows'],
    ['100%', 'The 100% Show', 'a word with a character that is not a letter'],
    ["don't", 'Don’t Look Back', 'an apostrophe of another shape'],
    ['こころ', 'こころ', 'Japanese'],
  ])('%s in %s: %s', (query, title) => {
    expect(finds(query, [title])).toBe(true);
  });
  test('words of the title and the venue together, and words of the synopsis', () => {
    expect(finds('opera 아레나', ['Opera Night', '물결 아레나'])).toBe(true);
    expect(finds('별자리', ['밤'], ['도시의 불빛을 별자리처럼 잇는 무대'])).toBe(true);
  });
});

describe('a search does not find', () => {
  test.each([
    ['art', 'The Party Starts', 'a part inside an English word'],
    ['오페라밤', '오페라의밤', 'what is not there'],
    ['opera 햄릿', 'Night of Opera', 'a title with only one of the words'],
    ['100', '2100 Nights', 'a number inside another, except at its beginning'],
  ])('%s in %s: %s', (query, title) => {
    expect(finds(query, [title])).toBe(false);
  });
  test('anything if the query has no letter or digit', () => {
    for (const query of ['%', '_', '%%', "'", '\\', '!?', '★'])
      expect(searchNeedles(query)).toEqual({ needles: [], grams: [] });
  });
});

test('every word of a title finds the title, in any script', () => {
  const text = fc.string({ unit: fc.constantFrom(...'가나다밤AbCé1 2%_-ㅋ漢カ\u0301') });
  fc.assert(
    fc.property(text, text, (title, other) => {
      for (const word of title.split(/[^\p{L}\p{N}\p{M}]+/u)) {
        if (searchNeedles(word).needles.length === 0) continue;
        expect(finds(word, [other, title])).toBe(true);
      }
    }),
  );
});

test('an index grows with the distinct words of a text, not with its length', () => {
  const once = searchIndex([], ['밤의 노래 night song ']);
  expect(searchIndex([], ['밤의 노래 night song '.repeat(50)])).toEqual(once);
});

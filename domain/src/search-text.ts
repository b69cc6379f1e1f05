/**
 * Search in Korean and English without a stemmer, the same on every database. Korean joins
 * particles and whole words together, so a Korean word is found anywhere, even inside another:
 * 오페라 in 오페라의밤. A word in other letters is found at the beginning of a word: "art" finds
 * "Artists", not "party". Upper and lower case, accents and full-width letters make no difference.
 */
type SearchIndex = {
  /** Words with one space before each. */
  text: string;
  /** Pairs of neighbouring characters in it, and single Korean ones: few rows share them all. */
  grams: string[];
};

export type SearchNeedles = {
  /** Each must be a part of the text. */
  needles: string[];
  /** Must all be among the text's grams. */
  grams: string[];
};

/** Names are also found when they are written without spaces: 레미제라블 for 레 미제라블. */
export const searchIndex = (names: readonly string[], texts: readonly string[]): SearchIndex => {
  const words = names.flatMap((name) => [...wordsOf(name), ...squeezedWordsOf(name)]);
  words.push(...texts.flatMap((text) => wordsOf(text)));
  const distinct = [...new Set(words)];
  const grams = new Set(distinct.flatMap((word) => [...gramsOf(word), ...singlesOf(word)]));
  return { text: distinct.map((word) => ` ${word}`).join(''), grams: [...grams] };
};

/** What a text must contain to match the query; no needles if the query has no word in it. */
export const searchNeedles = (query: string): SearchNeedles => {
  const words = [...new Set(wordsOf(query))];
  return {
    needles: words.map((word) => (isGlued(word) ? word : ` ${word}`)),
    grams: [
      ...new Set(
        words.flatMap((word) => {
          const grams = gramsOf(word);
          return grams.length > 0 ? grams : singlesOf(word);
        }),
      ),
    ],
  };
};

const glued = '[\\p{sc=Hangul}\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}]';
const wordPattern = new RegExp(`${glued}+|(?:(?!${glued})[\\p{L}\\p{N}\\p{M}])+`, 'gu');
const startsGlued = new RegExp(`^${glued}`, 'u');
const gluedWords = new RegExp(`${glued}+(?:[^\\p{L}\\p{N}]+${glued}+)+`, 'gu');

const isGlued = (word: string): boolean => startsGlued.test(word);
const plain = (text: string): string => text.normalize('NFKC').toLowerCase();

const wordsOf = (text: string): string[] =>
  (plain(text).match(wordPattern) ?? []).map((word) => (isGlued(word) ? word : unaccented(word)));

const squeezedWordsOf = (name: string): string[] => {
  const groups = plain(name).match(gluedWords) ?? [];
  return groups.map((group) => group.replace(/[^\p{L}\p{N}]+/gu, ''));
};

const unaccented = (word: string): string => word.normalize('NFD').replace(/\p{M}/gu, '');

const gramsOf = (word: string): string[] => {
  const characters = [...(isGlued(word) ? word : ` ${word}`)];
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
};

const singlesOf = (word: string): string[] => (isGlued(word) ? [...word] : []);

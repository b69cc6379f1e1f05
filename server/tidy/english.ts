import { type Breach, lineAt, type Rule, type SourceFile } from './source.ts';

type Phrase = {
  /** As STYLE.md shows it. */
  readonly not: string;
  readonly pattern: RegExp;
  readonly write: string;
};

/** Between two words of a phrase: white space, or a line break inside a comment. */
const gap = '(?:\\s|\\*|//|--|#)+';

const matchPhrase = (words: string): RegExp =>
  new RegExp(`\\b(?:${words.replaceAll(' ', gap)})\\b`, 'gi');

/**
 * Words and phrases that make a reader stop, with what to write instead. Only phrases that are
 * wrong in every context belong here. docs/STYLE.md shows the same table; the rule compares both.
 */
export const phrases: readonly Phrase[] = [
  { not: 'whoever', pattern: matchPhrase('whom?ever'), write: 'anyone who, or a noun' },
  { not: 'anew', pattern: matchPhrase('anew'), write: 'again, or a verb: reload, rebuild' },
  { not: 'one’s own', pattern: matchPhrase("one[’']s own"), write: 'your, or the owner’s' },
  {
    not: 'mend, mended',
    pattern: matchPhrase('mend(?:s|ed|ing)?'),
    write: 'fix, repair',
  },
  {
    not: 'bring on, brought on',
    pattern: matchPhrase('(?:bring(?:s|ing)?|brought) on'),
    write: 'run, advance',
  },
  {
    not: 'come to its end',
    pattern: matchPhrase('(?:came|com(?:es?|ing)) to (?:its|their|an) ends?'),
    write: 'end, expire, finish',
  },
  { not: 'time is over', pattern: matchPhrase('time (?:is|was) over'), write: 'expired' },
  {
    not: 'hears of',
    pattern: matchPhrase('hear(?:s|d|ing)? of'),
    write: 'learns about, receives',
  },
  {
    not: 'is told of',
    pattern: matchPhrase('told of'),
    write: 'is notified of, receives',
  },
  {
    not: 'make again, made again',
    pattern: matchPhrase('(?:ma[dk]es?|making) again'),
    write: 'rebuild, repeat, regenerate',
  },
  { not: 'twice is as once', pattern: matchPhrase('twice is as once'), write: 'idempotent' },
  { not: 'wrong words', pattern: matchPhrase('wrong words?'), write: 'usage error' },
];

const readByPeople = /\.(?:[cm]?[jt]sx?|lua|sql|md|css|html|ya?ml|sh)$/;
const style = 'docs/STYLE.md';
/** The table itself and the page that shows it. */
const quotes = new Set(['server/tidy/english.ts', style]);

export const plainEnglish: Rule = (files) => {
  const breaches = files
    .filter(({ path }) => readByPeople.test(path) && !quotes.has(path))
    .flatMap(findPhrases);
  const page = files.find(({ path }) => path === style);
  return page === undefined ? breaches : [...breaches, ...compareTable(page)];
};

const findPhrases = ({ path, text }: SourceFile): Breach[] =>
  phrases.flatMap(({ pattern, write }) =>
    [...text.matchAll(pattern)].map((match) => ({
      rule: 'plainEnglish',
      path,
      line: lineAt(text, match.index),
      says: `“${match[0].replaceAll(/\s+/g, ' ')}”: write ${write}`,
    })),
  );

/** Writers look the phrases up in STYLE.md, so its table must be complete. */
const compareTable = ({ path, text }: SourceFile): Breach[] =>
  phrases
    .filter(({ not, write }) => !text.includes(`| ${not} | ${write} |`))
    .map(({ not, write }) => ({
      rule: 'plainEnglish',
      path,
      line: 1,
      says: `has no row “${not}”: write “${write}”`,
    }));

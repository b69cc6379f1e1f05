import { parseArgs } from 'node:util';
import { findNearestWord } from '../platform/nearest-word.ts';

/** One command of the command line. Its help is printed without running it. */
export type Command = {
  readonly help: string;
  /** Takes the words after its name; resolves with the exit code. */
  run(argv: string[]): Promise<number>;
};

/** The words of a command make no sense; nothing was done. */
export class UsageError extends Error {}

/** Whether the words ask for help; then nothing else that they say is done. */
export const isAskingForHelp = (argv: readonly string[]): boolean => {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  return words.includes('--help') || words.includes('-h');
};

/** For a command that takes no words at all. */
export const refuseWords = (argv: string[]): void => void parseArgs({ args: argv, options: {} });

/** `did you mean …?` for a word that is nearly one of these, else nothing. */
export const suggestWord = (given: string, words: readonly string[]): string => {
  const nearest = findNearestWord(given, words);
  return nearest === null ? '' : `; did you mean ${nearest}?`;
};

/** The code of an error of Node's parser of options; null for other errors. */
const readParserCode = (error: unknown): string | null => {
  const code = error instanceof TypeError && 'code' in error ? String(error.code) : '';
  return code.startsWith('ERR_PARSE_ARGS') ? code : null;
};

/**
 * What to print for words that cannot be understood; null if the error is of another kind. The
 * options that there are can be read from the help, which lists them all.
 */
export const describeUsageError = (
  error: unknown,
  { name, help, argv }: { name: string; help: string; argv: readonly string[] },
): string | null => {
  const code = readParserCode(error);
  if (code === null && !(error instanceof UsageError)) return null;
  const remedy = `see usher ${name} --help`;
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return `${(error as Error).message}\n${remedy}`;
  const known: readonly string[] = help.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [];
  const given = argv.map((word) => word.split('=')[0] ?? '').filter((word) => /^-+\w/.test(word));
  const unknown = given.find((word) => !known.includes(word)) ?? '';
  return `there is no option ${unknown}${suggestWord(unknown, known)}\n${remedy}`;
};

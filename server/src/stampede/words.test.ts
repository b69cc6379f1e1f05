import { expect, test } from 'vitest';
import { help, parseWords } from './words.ts';

test('without words a thousand buyers come for 500 seats of a server of their own', () => {
  expect(parseWords([])).toEqual({
    outcome: 'run',
    options: {
      buyers: 1000,
      seats: 500,
      url: null,
      organiser: null,
      databaseUrl: null,
      seed: null,
      pace: 0.1,
      patienceMs: 60_000,
      isJson: false,
    },
  });
});

test('every word is understood', () => {
  const words = parseWords([
    ...['--buyers', '60', '--seats', '1', '--url', 'http://127.0.0.1:3000/', '--json'],
    ...['--organiser', 'o@example.com:a:b', '--database-url', 'postgres://u:p@127.0.0.1/usher'],
    ...['--seed', '7', '--pace', '0.5', '--patience', '90'],
  ]);
  expect(words).toEqual({
    outcome: 'run',
    options: {
      buyers: 60,
      seats: 1,
      url: 'http://127.0.0.1:3000',
      organiser: { email: 'o@example.com', password: 'a:b' },
      databaseUrl: 'postgres://u:p@127.0.0.1/usher',
      seed: 7,
      pace: 0.5,
      patienceMs: 90_000,
      isJson: true,
    },
  });
});

test('all wrong words are named at once', () => {
  const words = parseWords([
    ...['--buyers', '0', '--seats', '1.5', '--url', 'localhost:3000', '--organiser', 'nobody'],
    ...['--seed', '1x', '--pace', 'quick', '--patience', '0'],
  ]);
  expect(words).toMatchObject({ outcome: 'refused' });
  if (words.outcome !== 'refused') return;
  const named = words.faults.map((fault) => fault.split(' ')[0]);
  expect(named.sort()).toEqual(
    ['--buyers', '--organiser', '--pace', '--patience', '--seats', '--seed', '--url'].sort(),
  );
});

test('a database is named only beside the server that uses it', () => {
  expect(parseWords(['--database-url', 'postgres://127.0.0.1/usher'])).toMatchObject({
    outcome: 'refused',
  });
});

test('an unknown word is an error of the wording', () => {
  expect(() => parseWords(['--tickets', '3'])).toThrow(
    expect.objectContaining({ code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' }),
  );
});

test('the help fits a screen of 24 lines and 100 columns', () => {
  expect(parseWords(['--help'])).toEqual({ outcome: 'help' });
  expect(help.split('\n').length).toBeLessThanOrEqual(25);
  for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

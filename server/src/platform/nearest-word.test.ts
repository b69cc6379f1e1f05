import { expect, test } from 'vitest';
import { findNearestWord } from './nearest-word.ts';

const commands = ['start', 'migrate', 'seed', 'stampede', 'room'];

test('a word with a letter too many, too few, wrong or swapped finds the one meant', () => {
  const found = ['strat', 'starts', 'migate', 'stanpede', 'ROOM'].map((word) =>
    findNearestWord(word, commands),
  );
  expect(found).toEqual(['start', 'start', 'migrate', 'stampede', 'room']);
});

test('a word that is like none of them finds none', () => {
  expect(findNearestWord('sell-everything', commands)).toBeNull();
  expect(findNearestWord('', commands)).toBeNull();
  expect(findNearestWord('start', [])).toBeNull();
});

test('the nearest of several is found, and fewer typing errors are forgiven on request', () => {
  expect(findNearestWord('--seat', ['--seats', '--seed'])).toBe('--seats');
  expect(findNearestWord('DATABASE_USER', ['DATABASE_URL'])).toBe('DATABASE_URL');
  expect(findNearestWord('DATABASE_USER', ['DATABASE_URL'], 1)).toBeNull();
});

import { expect, test } from 'vitest';
import { help, parseWords } from './options.ts';

test('without options, 10,000 people come through the waiting room to 2,000 seats', () => {
  expect(parseWords([])).toEqual({
    outcome: 'run',
    options: {
      buyers: 10_000,
      seats: 2000,
      hasRoom: true,
      url: null,
      organiser: null,
      operator: null,
      redisUrl: null,
      databaseUrl: null,
      seed: null,
      pace: 0.1,
      patienceMs: 60_000,
      isJson: false,
      htmlPath: null,
    },
  });
});

test('without the room, a thousand buyers come for 500 seats', () => {
  const options = { buyers: 1000, seats: 500, hasRoom: false };
  expect(parseWords(['--no-room'])).toMatchObject({ outcome: 'run', options });
});

test('every option is parsed', () => {
  const words = parseWords([
    '--buyers',
    '60',
    '--seats',
    '1',
    '--url',
    'http://127.0.0.1:3000/',
    '--json',
    '--organiser',
    'o@example.com:a:b',
    '--database-url',
    'postgres://u:p@127.0.0.1/usher',
    '--seed',
    '7',
    '--pace',
    '0.5',
    '--patience',
    '90',
    '--html',
    'night.html',
    '--operator',
    'p@example.com:c',
    '--no-room',
  ]);
  expect(words).toEqual({
    outcome: 'run',
    options: {
      buyers: 60,
      seats: 1,
      hasRoom: false,
      redisUrl: null,
      htmlPath: 'night.html',
      operator: { email: 'p@example.com', password: 'c' },
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

test('all usage errors are reported at once', () => {
  const words = parseWords([
    '--buyers',
    '0',
    '--seats',
    '1.5',
    '--url',
    'localhost:3000',
    '--organiser',
    'nobody',
    '--seed',
    '1x',
    '--pace',
    'quick',
    '--patience',
    '0',
    '--operator',
    'nobody',
    '--redis',
    'localhost:6379',
    '--html',
    '',
  ]);
  expect(words).toMatchObject({ outcome: 'refused' });
  if (words.outcome !== 'refused') return;
  const named = words.faults.map((fault) => fault.split(' ')[0]);
  expect(new Set(named)).toEqual(
    new Set([
      '--buyers',
      '--organiser',
      '--pace',
      '--patience',
      '--seats',
      '--seed',
      '--url',
      '--operator',
      '--redis',
      '--html',
    ]),
  );
});

test('a database can be given only with the server that uses it', () => {
  expect(parseWords(['--database-url', 'postgres://127.0.0.1/usher'])).toMatchObject({
    outcome: 'refused',
  });
});

test('a Redis can be given only for a server that is started', () => {
  const redis = ['--redis', 'redis://127.0.0.1:6379'];
  expect(parseWords(redis)).toMatchObject({ options: { redisUrl: redis[1] } });
  expect(parseWords([...redis, '--url', 'http://127.0.0.1:3000'])).toMatchObject({
    outcome: 'refused',
  });
});

test('an unknown option is a usage error', () => {
  expect(() => parseWords(['--tickets', '3'])).toThrow(
    expect.objectContaining({ code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' }),
  );
});

test('the help fits a screen of 24 lines and 100 columns', () => {
  expect(parseWords(['--help'])).toEqual({ outcome: 'help' });
  expect(help.split('\n').length).toBeLessThanOrEqual(25);
  for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

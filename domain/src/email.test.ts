import { describe, expect, test } from 'vitest';
import { findMailbox, readEmail } from './email.ts';

describe('an e-mail address', () => {
  test.each([
    ['minji@example.com', 'minji@example.com'],
    ['  Minji.Kim@Example.COM ', 'minji.kim@example.com'],
    ['minji+sale@example.co.kr', 'minji+sale@example.co.kr'],
    ['user@example.xn--3e0b707e', 'user@example.xn--3e0b707e'],
    ['user@한국.한국', 'user@xn--3e0b707e.xn--3e0b707e'],
    ['user@BÜCHER.example', 'user@xn--bcher-kva.example'],
    ['a&b@example.com', 'a&b@example.com'],
    ['user=list@example.com', 'user=list@example.com'],
    ["o'brien!#$%*/?^_`{|}~-@example.com", "o'brien!#$%*/?^_`{|}~-@example.com"],
    ['김민지@example.com', '김민지@example.com'],
    ['김민지@example.com'.normalize('NFD'), '김민지@example.com'],
    ['x@a.bc', 'x@a.bc'],
    ['1@1.example', '1@1.example'],
  ])('%j is stored as %j', (given, stored) => {
    expect(readEmail(given)).toBe(stored);
    expect(readEmail(stored)).toBe(stored);
  });

  test.each([
    'minji',
    '@example.com',
    'minji@',
    'minji@localhost',
    'minji@127.0.0.1',
    'minji@[127.0.0.1]',
    'minji@example.com.',
    'minji@example..com',
    'minji@-example.com',
    'minji@example.com:25',
    'minji@example.com/path',
    'minji@example.com?x',
    'minji@exam ple.com',
    'minji@exam%70le.com',
    '.minji@example.com',
    'minji.@example.com',
    'min..ji@example.com',
    'min ji@example.com',
    'minji@sale@example.com',
    '"min ji"@example.com',
    'minji\n@example.com',
    'minji@example.com\nBcc: all@example.com',
    'min,ji@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'a.'.repeat(125)}example.com`,
  ])('%j is none', (given) => {
    expect(readEmail(given)).toBeNull();
  });

  test('with a tag is delivered to the mailbox without it', () => {
    expect(findMailbox('minji+sale@example.com')).toBe('minji@example.com');
    expect(findMailbox('minji+a+b@example.com')).toBe('minji@example.com');
    expect(findMailbox('minji@example.com')).toBe('minji@example.com');
    expect(findMailbox('+minji@example.com')).toBe('+minji@example.com');
  });
});

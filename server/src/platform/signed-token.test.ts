import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { deriveKey, makeTextSigner, makeTokenSigner, rememberVerified } from './signed-token.ts';

const secret = 'the secret of the tests, long enough for them';
const schema = z.strictObject({ accountId: z.string(), expiresAtMs: z.int() });
const signer = (kind = 'access', from = secret) => makeTokenSigner({ secret: from, kind, schema });
const payload = { accountId: 'acc_1', expiresAtMs: 1_900_000_000_000 };
const payloads = fc.record({
  accountId: fc.string({ unit: 'grapheme' }),
  expiresAtMs: fc.integer(),
});

describe('a signed token', () => {
  test('returns what was signed, whatever it was', () => {
    fc.assert(
      fc.property(payloads, (given) => {
        expect(signer().verify(signer().sign(given))).toEqual(given);
      }),
    );
  });

  test('is refused if any of its bytes was changed to any other', () => {
    const token = signer().sign(payload);
    const { verify } = signer();
    for (let at = 0; at < token.length; at++)
      for (let byte = 0; byte < 256; byte++) {
        if (byte === token.charCodeAt(at)) continue;
        const changed = token.slice(0, at) + String.fromCharCode(byte) + token.slice(at + 1);
        if (verify(changed) !== null) expect.unreachable(`byte ${at} made ${byte}`);
      }
    expect(verify(token)).toEqual(payload);
  });

  test('is refused if anything was added, removed or moved', () => {
    const { sign, verify } = signer();
    fc.assert(
      fc.property(payloads, fc.string(), fc.nat(), fc.nat(10), (given, junk, place, removed) => {
        const token = sign(given);
        const at = place % (token.length + 1);
        const changed = token.slice(0, at) + junk + token.slice(at + removed);
        if (changed !== token) expect(verify(changed)).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });

  test('has only one spelling: the same bytes in another base64url are refused', () => {
    const { verify } = signer();
    const token = signer().sign(payload);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // 32 bytes are 43 characters of which the last carries 4 bits: four letters mean the same.
    const last = alphabet.indexOf(token.slice(-1));
    const spellings = [...alphabet].filter((_, i) => i >> 2 === last >> 2);
    const same = spellings.map((letter) => token.slice(0, -1) + letter);
    const bytesOf = (text: string) =>
      Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url');
    expect(same.every((text) => bytesOf(text).equals(bytesOf(token)))).toBe(true);
    expect(same.filter((text) => verify(text) !== null)).toEqual([token]);
    for (const other of [`${token}=`, `${token}\n`, ` ${token}`, token.replaceAll('-', '+')])
      if (other !== token) expect(verify(other)).toBeNull();
  });

  test('of one kind or installation is never valid as another', () => {
    const token = signer().sign(payload);
    expect(signer('refresh').verify(token)).toBeNull();
    expect(signer('refresh').verify(token.replace(/^access/, 'refresh'))).toBeNull();
    expect(signer('access', `${secret}!`).verify(token)).toBeNull();
  });

  test('that we signed but that no longer matches its schema is refused', () => {
    const older = makeTokenSigner({ secret, kind: 'access', schema: z.looseObject({}) });
    expect(signer().verify(older.sign({ accountId: 'acc_1' }))).toBeNull();
    expect(signer().verify(older.sign({ ...payload, role: 'OPERATOR' }))).toBeNull();
  });

  test('whose payload is not JSON is refused, even if its signature is ours', () => {
    const body = `access.${Buffer.from('not json').toString('base64url')}`;
    const mac = createHmac('sha256', deriveKey(secret, 'token:access')).update(body);
    expect(signer().verify(`${body}.${mac.digest('base64url')}`)).toBeNull();
  });

  test('is never longer than 4096 characters, so that nobody makes us hash a book', () => {
    const { sign, verify } = signer();
    expect(verify(sign({ ...payload, accountId: 'x'.repeat(4096) }))).toBeNull();
    expect(verify(sign({ ...payload, accountId: 'x'.repeat(2900) }))).not.toBeNull();
  });

  test('can be any text: the check never throws', () => {
    const { verify } = signer();
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((text) => `access.${text}`),
      fc.tuple(fc.base64String(), fc.base64String()).map(([a, b]) => `access.${a}.${b}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(verify(text)).toBeNull();
      }),
      { numRuns: 2000, examples: [[''], ['.'], ['access.'], ['access..'], ['access...']] },
    );
  });
});

describe('a remembered token', () => {
  const open = (max: number) => {
    const asked: string[] = [];
    const { sign, verify } = signer();
    const remembering = rememberVerified((token) => {
      asked.push(token);
      return verify(token);
    }, max);
    const make = (name: string) => sign({ ...payload, accountId: name });
    return { asked, remembering, make };
  };

  test('is verified once, and gives the same payload each time', () => {
    const { asked, remembering, make } = open(10);
    const [a, b] = [make('a'), make('b')];
    for (let use = 0; use < 3; use++)
      expect([remembering(a), remembering(b)]).toMatchObject([
        { accountId: 'a' },
        { accountId: 'b' },
      ]);
    expect(asked).toEqual([a, b]);
  });

  test('is never one that was refused: a flood of those pushes out no good one', () => {
    const { asked, remembering, make } = open(2);
    const good = make('good');
    remembering(good);
    for (let each = 0; each < 100; each++) expect(remembering(`${good}${each}`)).toBeNull();
    expect(remembering(`${good}0`)).toBeNull();
    asked.length = 0;
    expect(remembering(good)).toMatchObject({ accountId: 'good' });
    expect(asked).toEqual([]);
  });

  test('that is changed in any character is verified for itself', () => {
    const { remembering, make } = open(10);
    const good = make('good');
    remembering(good);
    for (let at = 0; at < good.length; at++)
      expect(remembering(`${good.slice(0, at)}~${good.slice(at + 1)}`)).toBeNull();
  });

  test('gives way when there are too many, the least recently used one first', () => {
    const { asked, remembering, make } = open(2);
    const [a, b, c] = [make('a'), make('b'), make('c')];
    for (const token of [a, b, a, c]) remembering(token);
    asked.length = 0;
    for (const token of [a, c, b]) remembering(token);
    expect(asked).toEqual([b]);
  });
});

describe('a signature of one text', () => {
  const links = makeTextSigner(secret, 'order link');

  test('is valid for that text and no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(links.matches(b, links.mac(a))).toBe(a === b);
      }),
    );
  });

  test('has 128 bits and only one spelling', () => {
    const mac = links.mac('ord_1');
    expect(Buffer.from(mac, 'base64url')).toHaveLength(16);
    const good = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map((letter) => mac.slice(0, -1) + letter)
      .filter((text) => links.matches('ord_1', text));
    expect(good).toEqual([mac]);
    for (const other of ['', `${mac}=`, `${mac}A`, mac.slice(0, -1)])
      expect(links.matches('ord_1', other)).toBe(false);
  });

  test('for one purpose is not valid for another', () => {
    expect(makeTextSigner(secret, 'ticket').matches('ord_1', links.mac('ord_1'))).toBe(false);
    expect(makeTextSigner(`${secret}!`, 'order link').matches('ord_1', links.mac('ord_1'))).toBe(
      false,
    );
  });
});

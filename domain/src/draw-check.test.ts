import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commitmentOf, drawAlgorithm, hexOf, makeDraw, numberOf } from './draw.ts';
import { checkDraw, type DrawRecord, type Noted, type Receipt } from './draw-check.ts';

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

const serverSeed = sha256(Uint8Array.of(7));
const published = {
  showId: 'show_01jd8zk3v7q2m4x6t9w1y5b0ce',
  algorithm: drawAlgorithm,
  commitment: hexOf(commitmentOf(sha256, serverSeed)),
  commitmentAt: '2026-11-01T09:00:00.000Z',
};

const keysOf = (entries: number): Uint8Array =>
  Uint8Array.from({ length: entries * 8 }, (_, at) => (at >> 3) + 1 + (at & 7));

/** The record of an honest draw over these keys. */
const recordOf = (keys: Uint8Array): DrawRecord => {
  const draw = makeDraw(sha256, { serverSeed: hexOf(serverSeed), keys });
  return {
    ...published,
    serverSeed: hexOf(serverSeed),
    entries: keys.length / 8,
    root: draw.root,
    seed: draw.seed,
    drawnAt: '2026-11-21T11:00:00.000Z',
    keys: Buffer.from(keys).toString('base64'),
  };
};

const receiptOf = (keys: Uint8Array, entry: number): Receipt => {
  const { permutation } = makeDraw(sha256, { serverSeed: hexOf(serverSeed), keys });
  const key = Buffer.from(keys.subarray(entry * 8, entry * 8 + 8)).toString('base64url');
  return { entry, key, number: numberOf(entry, permutation) };
};

/** What was found not to hold, by name. */
const faults = (record: DrawRecord, receipt: Receipt | null = null, ...noted: Noted[]): string[] =>
  checkDraw(sha256, { record, receipt, noted })
    .filter(({ outcome }) => outcome !== 'holds')
    .map(({ check, outcome }) => `${check} ${outcome}`);

const keys = keysOf(20);
const honest = recordOf(keys);
const flip = (hex: string): string => (hex.startsWith('a') ? 'b' : 'a') + hex.slice(1);
const withKeys = (changed: Uint8Array): DrawRecord => ({
  ...honest,
  keys: Buffer.from(changed).toString('base64'),
});

describe('an honest record', () => {
  test('holds, of any number of entries, with the receipt of anybody in it or after it', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(59), (entries, entry) => {
        const all = keysOf(entries);
        const late: Receipt = { entry, key: 'AAAAAAAAAAA', number: entry + 1 };
        const receipt = entry < entries ? receiptOf(all, entry) : late;
        expect(faults(recordOf(all), receipt, published)).toEqual([]);
      }),
    );
  });

  test('reports how many people and lost keys its entries have', () => {
    const twice = keys.slice();
    twice.set(keys.subarray(0, 8), 40);
    twice.fill(0, 80, 88);
    const said = checkDraw(sha256, { record: recordOf(twice), receipt: null, noted: [] });
    const entries = said.find(({ check }) => check === 'entries');
    expect(entries?.says).toBe('20 entries of 18 people; 1 entries lost their key in a failure');
  });
});

describe('checkDraw detects that', () => {
  const swapped = keys.slice();
  swapped.set(keys.subarray(8, 16), 0);
  swapped.set(keys.subarray(0, 8), 8);
  const stuffed = Uint8Array.from([...keys, ...keysOf(1)]);
  const lies: [string, DrawRecord, string][] = [
    ['the commitment differs', { ...honest, commitment: flip(honest.commitment) }, 'commitment'],
    [
      'the seed of the server differs',
      { ...honest, serverSeed: flip(honest.serverSeed) },
      'commitment',
    ],
    ['the seed of the server is too short', { ...honest, serverSeed: 'ab' }, 'serverSeed'],
    ['the number of entries differs', { ...honest, entries: 19 }, 'entries'],
    ['the root differs', { ...honest, root: flip(honest.root) }, 'root'],
    ['the seed of the draw differs', { ...honest, seed: flip(honest.seed) }, 'seed'],
    ['the algorithm has another name', { ...honest, algorithm: 'usher-draw-9' }, 'algorithm'],
    [
      'the commitment is later than the draw',
      { ...honest, commitmentAt: '2026-11-21T11:00:00.001Z' },
      'drawnAt',
    ],
    [
      'the draw is earlier than the commitment',
      { ...honest, drawnAt: '2026-11-01T08:59:59.999Z' },
      'drawnAt',
    ],
    ['one key differs', withKeys(keys.with(9, 0)), 'root'],
    ['two keys are swapped', withKeys(swapped), 'root'],
    ['an entry was added', { ...withKeys(stuffed), entries: 21 }, 'root'],
    ['an entry was removed', { ...withKeys(keys.subarray(8)), entries: 19 }, 'root'],
    ['the keys are cut off', withKeys(keys.subarray(0, 157)), 'entries'],
    ['the keys are not base64', { ...honest, keys: `${honest.keys.slice(0, -1)}*` }, 'keys'],
  ];

  test.each(lies)('%s', (_, record, check) => {
    expect(faults(record)).toContain(`${check} broken`);
  });

  test('something is wrong, whichever of these is the case', () => {
    for (const [, record] of lies) expect(faults(record)).not.toEqual([]);
    expect(faults(honest)).toEqual([]);
  });

  test('a draw was re-run over other entries, by a receipt or the published commitment', () => {
    const other = recordOf(stuffed.subarray(8));
    expect(faults(other)).toEqual([]);
    expect(faults(other, receiptOf(keys, 3))).toContain('receipt broken');
    const seed = hexOf(sha256(Uint8Array.of(8)));
    const commitment = hexOf(commitmentOf(sha256, sha256(Uint8Array.of(8))));
    const draw = makeDraw(sha256, { serverSeed: seed, keys });
    const { root } = draw;
    const again = { ...honest, serverSeed: seed, commitment, root, seed: draw.seed };
    expect(faults(again)).toEqual([]);
    expect(faults(again, null, published)).toEqual(['noted broken']);
  });

  test.each(['showId', 'algorithm', 'commitment', 'commitmentAt'] as const)(
    '%s is not what was published before the draw',
    (field) => {
      expect(faults(honest, null, { [field]: published[field] })).toEqual([]);
      expect(faults({ ...honest, [field]: 'else' }, null, published)).toContain('noted broken');
    },
  );
});

describe('what the check says', () => {
  const saysOf = (record: DrawRecord, receipt: Receipt | null = null) =>
    Object.fromEntries(
      checkDraw(sha256, { record, receipt, noted: [] }).map(({ check, says }) => [check, says]),
    );

  test('counts people, and entries that lost their key only if there are any', () => {
    expect(saysOf(honest)['entries']).toBe('20 entries of 20 people');
    expect(saysOf(recordOf(keys.slice().fill(0, 16, 24)))['entries']).toBe(
      '20 entries of 19 people; 1 entries lost their key in a failure',
    );
  });

  test('names where a number comes from', () => {
    expect(saysOf(honest, receiptOf(keys, 5))['number']).toMatch(/^the draw gives entry 5 /);
    const late = { entry: 20, key: 'AAAAAAAAAAA', number: 21 };
    expect(saysOf(honest, late)['number']).toMatch(/^the order of joining gives entry 20 /);
  });

  test('allows a commitment of the same instant as the draw, not one after it', () => {
    expect(faults({ ...honest, commitmentAt: honest.drawnAt })).toEqual([]);
    const later = new Date(Date.parse(honest.drawnAt) + 1).toISOString();
    expect(faults({ ...honest, commitmentAt: later })).toEqual(['drawnAt broken']);
  });
});

describe('a receipt', () => {
  test('is found wrong if its number is not the one that the draw gives', () => {
    fc.assert(
      fc.property(fc.nat(19), fc.integer({ min: 1, max: 20 }), (entry, number) => {
        const receipt = receiptOf(keys, entry);
        const says = faults(honest, { ...receipt, number });
        expect(says).toEqual(number === receipt.number ? [] : ['number broken']);
      }),
    );
  });

  test('is found wrong if its key is not at its entry', () => {
    const { key } = receiptOf(keys, 5);
    expect(faults(honest, { ...receiptOf(keys, 4), key })).toEqual(['receipt broken']);
  });

  test('from after the draw is found wrong if its number is not the next one', () => {
    const late = { entry: 20, key: 'AAAAAAAAAAA' };
    expect(faults(honest, { ...late, number: 21 })).toEqual([]);
    expect(faults(honest, { ...late, number: 1 })).toEqual(['number broken']);
  });
});

describe('checkDraw does not call fair what it cannot check:', () => {
  test('a receipt from before the draw, whose number it reports', () => {
    const receipt = receiptOf(keys, 2);
    const findings = checkDraw(sha256, {
      record: honest,
      receipt: { ...receipt, number: null },
      noted: [],
    });
    expect(findings.at(-1)).toEqual({
      check: 'number',
      outcome: 'unknown',
      says: `the receipt has no number; entry 2 has ${receipt.number}`,
    });
  });

  test('an entry whose key was lost before the draw', () => {
    const lossy = keys.slice().fill(0, 16, 24);
    const receipt = { ...receiptOf(lossy, 2), key: 'AwQFBgcICQo' };
    expect(faults(recordOf(lossy), receipt)).toEqual(['receipt unknown']);
  });

  test('a record with rules that this program does not know', () => {
    const strange = { ...honest, algorithm: 'usher-draw-9', seed: flip(honest.seed) };
    expect(faults(strange)).toEqual(['algorithm unknown']);
    expect(faults(strange, null, published)).toEqual(['noted broken', 'algorithm unknown']);
  });

  test('a number, if the record has no seed', () => {
    expect(faults({ ...honest, seed: '' }, receiptOf(keys, 1))).toEqual([
      'seed broken',
      'number unknown',
    ]);
  });
});

import { type Challenge, solveChallenge } from 'altcha-lib';
import { deriveKey as deriveInBrowser } from 'altcha-lib/algorithms/web/pbkdf2';
import { describe, expect, test } from 'vitest';
import { type ManualClock, manualClock, systemClock } from './clock.ts';
import { challengeTtlMs, makeProofOfWork, makeUsedChallenges } from './proof-of-work.ts';

const secret = 'the secret of the tests, long enough for every one of them';
const me = 'acc_1 show_1';

const open = (options: { secret?: string; max?: number; clock?: ManualClock } = {}) => {
  const clock = options.clock ?? manualClock(systemClock.nowMs());
  const used = makeUsedChallenges({ clock, max: options.max ?? 100 });
  return { clock, ...makeProofOfWork({ secret: options.secret ?? secret, clock, used }) };
};
type Proof = ReturnType<typeof open>;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const challengeOf = async (proof: Proof, cost: number, boundTo = me): Promise<Challenge> => {
  const challenge = await proof.challenge(cost, boundTo);
  if (challenge === null) throw new Error('no challenge was made');
  return challenge as unknown as Challenge;
};
/** What a buyer's browser does and sends. */
const solve = async (challenge: Challenge) => {
  const solution = await solveChallenge({ challenge, deriveKey: deriveInBrowser });
  if (solution === null) throw new Error('not solved');
  return { challenge, solution };
};

describe('a proof of work', () => {
  test('admits a caller whose challenge was solved as ALTCHA’s own solver does', async () => {
    const proof = open();
    for (const cost of [1, 300, 30_000]) {
      const solved = await solve(await challengeOf(proof, cost));
      expect(await proof.verify(encode(solved), me)).toBe('ok');
    }
  });

  test('is not required at cost 0', async () => {
    expect(await open().challenge(0, me)).toBeNull();
  });

  test('takes the requested number of hashes on average, and at most twice as many', async () => {
    const proof = open();
    const cost = 5000;
    const hashes: number[] = [];
    for (let i = 0; i < 60; i++) {
      const { challenge, solution } = await solve(await challengeOf(proof, cost));
      hashes.push((solution.counter + 1) * challenge.parameters.cost);
    }
    expect(Math.max(...hashes)).toBeLessThanOrEqual(2 * cost);
    const mean = hashes.reduce((sum, each) => sum + each, 0) / hashes.length;
    // Uniform up to twice the cost: the mean of 60 has a deviation of 7.5 %, this is 5.4 of them.
    expect(Math.abs(mean - cost)).toBeLessThan(0.4 * cost);
  });

  test('is accepted once', async () => {
    const proof = open();
    const solved = encode(await solve(await challengeOf(proof, 50)));
    expect([await proof.verify(solved, me), await proof.verify(solved, me)]).toEqual([
      'ok',
      'replayed',
    ]);
  });

  test('is valid only for its own caller and purpose, and not used up by others', async () => {
    const proof = open();
    const solved = encode(await solve(await challengeOf(proof, 50)));
    for (const other of ['acc_2 show_1', 'acc_1 show_2', '', 'acc_1 show_1 '])
      expect(await proof.verify(solved, other)).toBe('failed');
    expect(await proof.verify(solved, me)).toBe('ok');
  });

  test('expires ten minutes after it was created', async () => {
    const proof = open();
    const early = encode(await solve(await challengeOf(proof, 50)));
    const late = encode(await solve(await challengeOf(proof, 50)));
    await proof.clock.advance(challengeTtlMs - 1000);
    expect(await proof.verify(early, me)).toBe('ok');
    await proof.clock.advance(1000);
    expect(await proof.verify(late, me)).toBe('expired');
    expect(await proof.verify(early, me)).toBe('expired');
  });

  test('cannot be faked with a forged or changed challenge', async () => {
    const proof = open();
    const { challenge, solution } = await solve(await challengeOf(proof, 50));
    const { parameters } = challenge;
    const foreign = open({ secret: 'another secret, as long as the one of the tests is' });
    const changed = (more: object) => ({ ...challenge, parameters: { ...parameters, ...more } });
    const other = await challengeOf(proof, 50);
    const forged: unknown[] = [
      await solve(await challengeOf(foreign, 50)),
      { challenge: changed({ expiresAt: (parameters.expiresAt ?? 0) + 60 }), solution },
      { challenge: changed({ nonce: other.parameters.nonce }), solution },
      { challenge: changed({ keyPrefix: '00' }), solution },
      { challenge: { ...challenge, signature: other.signature }, solution },
      { challenge: { parameters }, solution },
      { challenge: other, solution },
      { challenge, solution: { ...solution, derivedKey: parameters.keyPrefix } },
      { challenge, solution: { ...solution, derivedKey: '' } },
      { challenge: changed({ keySignature: undefined }), solution },
      { challenge: changed({ data: { boundTo: me, more: 1 } }), solution },
    ];
    for (const each of forged) expect(await proof.verify(encode(each), me)).toBe('failed');
    expect(await proof.verify(encode({ challenge, solution }), me)).toBe('ok');
  });

  test('is refused as failed, whatever is sent instead', async () => {
    const proof = open();
    const nested = `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`;
    const junk = ['', '{}', 'null', '[]', '"text"', '{', nested, '{"challenge":null}'];
    for (const text of junk)
      expect(await proof.verify(Buffer.from(text).toString('base64'), me)).toBe('failed');
    for (const text of ['%%%', 'a'.repeat(5000), '\0'])
      expect(await proof.verify(text, me)).toBe('failed');
  });
});

describe('used challenges', () => {
  test('are remembered until they expire, and no longer', async () => {
    const clock = manualClock(0);
    const used = makeUsedChallenges({ clock, max: 2 });
    expect(await used.firstUse('a', 1000)).toBe(true);
    expect(await used.firstUse('b', 500)).toBe(true);
    await clock.advance(999);
    expect([await used.firstUse('a', 1000), await used.firstUse('b', 500)]).toEqual([false, false]);
    await clock.advance(1);
    // Both have expired: there is room for two others.
    expect([await used.firstUse('c', 2000), await used.firstUse('d', 2000)]).toEqual([true, true]);
  });

  test('are not evicted for lack of space: new ones are refused until there is space', async () => {
    const clock = manualClock(systemClock.nowMs());
    const proof = open({ clock, max: 1 });
    const first = encode(await solve(await challengeOf(proof, 50)));
    const second = encode(await solve(await challengeOf(proof, 50)));
    expect(await proof.verify(first, me)).toBe('ok');
    await expect(proof.verify(second, me)).rejects.toMatchObject({
      code: 'OVERLOADED',
      retryable: true,
    });
    expect(await proof.verify(first, me)).toBe('replayed');
    await clock.advance(challengeTtlMs);
    const third = encode(await solve(await challengeOf(proof, 50)));
    expect(await proof.verify(third, me)).toBe('ok');
  });
});

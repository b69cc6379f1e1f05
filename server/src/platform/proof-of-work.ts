import { randomInt } from 'node:crypto';
import { createChallenge, verifySolution } from 'altcha-lib';
import { deriveKey as derive } from 'altcha-lib/algorithms/pbkdf2';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import { Failure } from './failure.ts';
import { deriveKey } from './signed-token.ts';

/** Long enough for an old phone that sleeps meanwhile; also how long a used one is remembered. */
export const challengeTtlMs = 10 * 60_000;

/**
 * Where used challenges are remembered. `firstUse` returns true once for an id, and false for all
 * other calls with it, at least until `untilMs`. Throws OVERLOADED rather than forget one earlier.
 */
export type UsedChallenges = {
  firstUse(id: string, untilMs: number): Promise<boolean>;
};

export type ProofOfWork = {
  /** ALTCHA's challenge, version 2, that takes `cost` hashes on average. null for cost 0. */
  challenge(cost: number, boundTo: string): Promise<Record<string, unknown> | null>;
  /**
   * Whether `payload` (base64 of ALTCHA's `{ challenge, solution }`) solves a challenge that was
   * created for `boundTo`. A valid one is used up by this. Throws OVERLOADED.
   */
  verify(payload: string, boundTo: string): Promise<'ok' | 'failed' | 'replayed' | 'expired'>;
};

/** For one process. A used challenge takes about 100 bytes for at most `challengeTtlMs`. */
export const makeUsedChallenges = (options: { clock: Clock; max: number }): UsedChallenges => {
  const { clock, max } = options;
  // In order of use. An expired one is removed once all before it have expired: they expire at most
  // one lifetime after its use.
  const endsAtMs = new Map<string, number>();
  const forget = (nowMs: number): void => {
    for (const [id, atMs] of endsAtMs) {
      if (atMs > nowMs) return;
      endsAtMs.delete(id);
    }
  };
  return {
    firstUse: async (id, untilMs) => {
      forget(clock.nowMs());
      if (endsAtMs.has(id)) return false;
      if (endsAtMs.size >= max)
        throw new Failure('OVERLOADED', 'too many used challenges to remember', {
          retryable: true,
        });
      endsAtMs.set(id, untilMs);
      return true;
    },
  };
};

/**
 * Hashes per try. A browser's own PBKDF2 is called once a try, which costs as much as some 100
 * hashes: at 250 it computes 3.4 M hashes a second on a core here, at 1,000 4.7 M, at 1 20 k.
 * Creating a challenge costs us one try, so 1,000 would cost 0.14 ms of CPU more than the 0.17 now.
 */
const hashesPerTryMax = 250;
const algorithm = 'PBKDF2/SHA-256';

const hex = z.string().regex(/^[0-9a-f]{1,128}$/);
/** Flat and short: anything that is not our challenge is refused before any computation. */
const solved = z.strictObject({
  challenge: z.strictObject({
    parameters: z.strictObject({
      algorithm: z.literal(algorithm),
      cost: z.int(),
      data: z.strictObject({ boundTo: z.string() }),
      expiresAt: z.int(),
      keyLength: z.int(),
      keyPrefix: hex,
      keySignature: hex,
      nonce: hex,
      salt: hex,
    }),
    signature: hex,
  }),
  solution: z.strictObject({ counter: z.int(), derivedKey: hex, time: z.number().optional() }),
});

const parse = (payload: string): z.infer<typeof solved> | null => {
  if (payload.length > 4096) return null;
  try {
    const parsed = solved.safeParse(JSON.parse(Buffer.from(payload, 'base64').toString()));
    return parsed.success ? parsed.data : null;
  } catch {
    // Not JSON.
    return null;
  }
};

/**
 * A computation that a caller must do before a call is admitted, so that a thousand calls cost a
 * thousand times as much. Nothing is stored except used challenges: a challenge is signed, with its
 * caller and expiry. A check takes 0.1 ms of CPU, whatever the cost was, as it compares signatures
 * and derives no key.
 */
export const makeProofOfWork = (options: {
  secret: string;
  clock: Clock;
  used: UsedChallenges;
}): ProofOfWork => {
  const { secret, clock, used } = options;
  const keys = {
    hmacSignatureSecret: deriveKey(secret, 'proof-of-work').toString('base64url'),
    hmacKeySignatureSecret: deriveKey(secret, 'proof-of-work key').toString('base64url'),
    deriveKey: derive,
  };
  return {
    challenge: async (cost, boundTo) => {
      if (cost === 0) return null;
      const hashesPerTry = Math.min(Math.max(Math.round(cost / 100), 1), hashesPerTryMax);
      const tries = Math.round(cost / hashesPerTry);
      const challenge = await createChallenge({
        ...keys,
        algorithm,
        cost: hashesPerTry,
        // From 0: with a known minimum a solver would start there and save that work.
        counter: randomInt(2 * tries),
        data: { boundTo },
        expiresAt: Math.floor((clock.nowMs() + challengeTtlMs) / 1000),
      });
      return { ...challenge };
    },
    verify: async (payload, boundTo) => {
      const proof = parse(payload);
      if (proof === null || proof.challenge.parameters.data.boundTo !== boundTo) return 'failed';
      const { nonce, expiresAt } = proof.challenge.parameters;
      const endsAtMs = expiresAt * 1000;
      // By our clock; the library uses the system's.
      if (endsAtMs <= clock.nowMs()) return 'expired';
      const { challenge, solution } = proof;
      const { counter, derivedKey } = solution;
      const result = await verifySolution({
        ...keys,
        challenge,
        solution: { counter, derivedKey },
      });
      if (result.expired) return 'expired';
      if (!result.verified) return 'failed';
      return (await used.firstUse(nonce, endsAtMs)) ? 'ok' : 'replayed';
    },
  };
};

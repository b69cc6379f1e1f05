import { z } from 'zod';
import { makeHmac } from '../../platform/hash.ts';
import { deriveKey, makeTokenSigner, rememberVerified } from '../../platform/signed-token.ts';

/** 8 bytes that only this installation can derive from an account and a show. */
export const makePersonKeys = (secret: string) => {
  const macOf = makeHmac(deriveKey(secret, 'waiting-room person'));
  return (showId: string, accountId: string): Uint8Array =>
    macOf(`${showId} ${accountId}`).subarray(0, 8);
};
export const writePerson = (person: Uint8Array): string =>
  Buffer.from(person.buffer, person.byteOffset, person.length).toString('base64url');

export type DerivePerson = ReturnType<typeof makePersonKeys>;

const person = z.string().length(11);
const count = z.int().min(0);
const placeToken = z.strictObject({ show: z.string(), person, entry: count, epoch: count });
const passToken = z.strictObject({
  show: z.string(),
  person,
  number: count,
  epoch: count,
  /** By the store's clock. Only the store knows when an unused pass ends. */
  endsByMs: count,
});

/** Verified tokens of each kind that one process remembers; each takes about 0.5 kB. */
const tokensMax = 20_000;

/** The signed proofs of a place and of a pass. */
export const makeTokens = (secret: string) => {
  const places = makeTokenSigner({ secret, kind: 'place', schema: placeToken });
  const passes = makeTokenSigner({ secret, kind: 'pass', schema: passToken });
  const verifyPlace = rememberVerified(places.verify, tokensMax);
  const verifyPass = rememberVerified(passes.verify, tokensMax);
  /** Null if we did not sign it for this person in this room. */
  const own = <T extends { show: string; person: string }>(
    payload: T | null,
    showId: string,
    who: Uint8Array,
  ): T | null => (payload?.show === showId && payload.person === writePerson(who) ? payload : null);
  return {
    signPlace: places.sign,
    signPass: passes.sign,
    ownPlace: (token: string, showId: string, who: Uint8Array) =>
      own(verifyPlace(token), showId, who),
    ownPass: (token: string, showId: string, who: Uint8Array) =>
      own(verifyPass(token), showId, who),
  };
};
export type Tokens = ReturnType<typeof makeTokens>;

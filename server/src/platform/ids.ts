import { createHash, randomBytes } from 'node:crypto';
import type { IdKind } from '@usher/domain/ids.ts';
import { idPrefixes } from '@usher/domain/ids.ts';
import type { Clock } from './clock.ts';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

export type Ids = {
  /** A new id: 48 bits of time, so that indexes grow at their end, and 80 random bits. */
  make(kind: IdKind): string;
  /** Always the same id for the same parts: a retry then names the same thing. */
  fromParts(kind: IdKind, ...parts: readonly string[]): string;
  /** 128 random bits as base64url; for secrets, never for names. */
  secret(): string;
};

const encode = (bytes: Uint8Array): string => {
  // 16 bytes are 128 bits; 26 characters of 5 bits hold 130, so the first carries 3 bits.
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = alphabet.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
};

// Random bytes are fetched in bulk: one system call for 512 ids instead of one for each.
const poolBytes = 8192;

export const makeIds = (clock: Clock, random: (size: number) => Uint8Array = randomBytes): Ids => {
  let pool: Uint8Array = new Uint8Array(0);
  let used = 0;
  const take = (size: number): Uint8Array => {
    if (used + size > pool.length) {
      pool = random(poolBytes);
      used = 0;
    }
    used += size;
    return pool.subarray(used - size, used);
  };
  return {
    make: (kind) => {
      const bytes = new Uint8Array(16);
      let time = clock.nowMs();
      for (let i = 5; i >= 0; i--) {
        bytes[i] = time % 256;
        time = Math.floor(time / 256);
      }
      bytes.set(take(10), 6);
      return `${idPrefixes[kind]}_${encode(bytes)}`;
    },
    fromParts: (kind, ...parts) => {
      const hash = createHash('sha256');
      for (const part of parts) hash.update(`${part.length}:${part}`);
      return `${idPrefixes[kind]}_${encode(hash.digest().subarray(0, 16))}`;
    },
    secret: () => Buffer.from(take(16)).toString('base64url'),
  };
};

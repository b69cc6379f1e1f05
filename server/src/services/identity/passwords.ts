import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { assert } from '../../platform/failure.ts';
import { makeFairLine } from '../../platform/fair-line.ts';
import type { Ids } from '../../platform/ids.ts';
import * as numbers from './limits.ts';

type Argon2Parameters = Parameters<typeof argon2>[1];
type Argon2id = (parameters: Argon2Parameters) => Promise<Buffer>;
const argon2idOfNode: Argon2id = (parameters) => promisify(argon2)('argon2id', parameters);

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
const encoded = (salt: Buffer, tag: Buffer): string => {
  const { memory, passes, parallelism } = numbers.passwordCost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
};
const encodedPattern =
  /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export type Passwords = {
  /**
   * `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Callers of different sources (IP addresses) take turns.
   * Throws OVERLOADED if too many are waiting.
   */
  hash(password: string, source: string): Promise<string>;
  /** With null it takes as long as with a hash, and returns false. Throws OVERLOADED. */
  matches(password: string, hash: string | null, source: string): Promise<boolean>;
};

/**
 * Passwords with argon2id, a few at once: each takes 19 MiB and a core for about 30 ms, so a crowd
 * at sign-in waits in line here and does not slow down buyers. New passwords stand in a line of
 * their own behind those that are checked: a flood of sign-ups keeps nobody from logging in.
 */
export const makePasswords = (deps: {
  ids: Ids;
  atOnce: number;
  waitingMax: number;
  argon2id?: Argon2id;
}): Passwords => {
  const { ids, atOnce, waitingMax, argon2id = argon2idOfNode } = deps;
  const line = makeFairLine({
    kinds: ['check', 'new'] as const,
    atOnce,
    waitingMax,
    lastEvery: numbers.newPasswordEvery,
  });
  const inTurn = (
    kind: 'check' | 'new',
    source: string,
    password: string,
    parameters: Omit<Argon2Parameters, 'message'>,
  ): Promise<Buffer> =>
    line.run(kind, source, () => argon2id({ ...parameters, message: password.normalize('NFC') }));
  const randomBytes = (): Buffer => Buffer.from(ids.secret(), 'base64url');
  const nobodys = encoded(randomBytes(), Buffer.concat([randomBytes(), randomBytes()]));
  return {
    hash: async (password, source) => {
      const nonce = randomBytes();
      return encoded(
        nonce,
        await inTurn('new', source, password, { ...numbers.passwordCost, nonce }),
      );
    },
    matches: async (password, hash, source) => {
      const [, memory, passes, parallelism, salt = '', tag = ''] =
        encodedPattern.exec(hash ?? nobodys) ?? [];
      assert(tag !== '', 'a stored password hash is of argon2id');
      const wanted = Buffer.from(tag, 'base64');
      const given = await inTurn('check', source, password, {
        memory: Number(memory),
        passes: Number(passes),
        parallelism: Number(parallelism),
        nonce: Buffer.from(salt, 'base64'),
        tagLength: wanted.length,
      });
      return timingSafeEqual(given, wanted) && hash !== null;
    },
  };
};

import type { MakeAccounts } from '@usher/stampede/people.ts';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Database } from '../platform/postgres/sql.ts';
import { makeTokenSigner } from '../platform/signed-token.ts';

/** Longer than any run. */
const tokenLifeMs = 6 * 3_600_000;
const rowsAtOnce = 10_000;

/**
 * Makes ten thousand accounts in a second, where ten thousand sign-ups would hash passwords for
 * minutes: rows written by SQL, and access tokens signed as the server signs them. That needs the
 * server's secret and its database, which only its starter has; the server has no back door for it.
 * The accounts have no password, so nobody can log in with them.
 */
export const makeScratchAccounts =
  (deps: { db: Database; secret: string; clock: Clock; ids: Ids }): MakeAccounts =>
  async (count) => {
    const { db, clock, ids } = deps;
    const signer = makeTokenSigner({ secret: deps.secret, kind: 'access', schema: z.unknown() });
    const accountIds = Array.from({ length: count }, () => ids.make('account'));
    for (let from = 0; from < count; from += rowsAtOnce)
      await db.query(
        `INSERT INTO identity.accounts (id, email, name, role, locale, password_hash, created_at)
         SELECT id, id || '@stampede.invalid', '관객', 'BUYER', 'ko', 'none', clock_timestamp()
         FROM unnest($1::text[]) AS id`,
        [accountIds.slice(from, from + rowsAtOnce)],
      );
    const e = clock.nowMs() + tokenLifeMs;
    return accountIds.map((a) => () => signer.sign({ a, r: 'BUYER', s: ids.make('session'), e }));
  };

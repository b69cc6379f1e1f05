import type { Account } from '@usher/contract/identity.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import { refreshGraceMs, sessionLifeMaxMs } from './limits.ts';

export type NewSession = { id: string; secretHash: Buffer; startedAtMs: number; endsAtMs: number };

/** Who makes a change and in which request, for the audit trail. */
type Cause = { who: string; why: string; requestId: string | null };

export type NewAccount = {
  account: Account;
  passwordHash: string;
  /** Null: the account is created without signing in. */
  session: NewSession | null;
  cause: Cause;
};

/** A presented refresh token: signed by us, so its generation existed. */
type PresentedToken = {
  sessionId: string;
  secretHash: Buffer;
  generation: number;
  requestId: string;
};

/** The outcome for a presented token; see sql/rotate-sessions.sql. */
type Rotation =
  | {
      verdict: 'current' | 'repeated';
      generation: number;
      endsAtMs: number;
      account: Account;
    }
  | { verdict: 'reused' | 'ended' | 'unknown' };

export type IdentityStore = {
  /** False if the e-mail already has an account, which stays as it is. */
  addAccount(entry: NewAccount): Promise<boolean>;
  findByEmail(email: string): Promise<{ account: Account; passwordHash: string } | null>;
  accounts(ids: readonly string[]): Promise<Account[]>;
  startSession(accountId: string, session: NewSession, cause: Cause): Promise<void>;
  rotate(token: PresentedToken): Promise<Rotation>;
  /** Does nothing if the session has already ended. */
  endSession(sessionId: string, atMs: number, cause: Cause): Promise<void>;
  /** Changes the account with this e-mail and ends its sessions; null if there is none. */
  changeAccount(
    email: string,
    to: { role: Account['role'] } | { passwordHash: string },
    atMs: number,
    cause: Cause,
  ): Promise<{ accountId: string; endedSessionIds: string[] } | null>;
  /** Ends the sessions of the account with this e-mail, or of all; returns their ids. */
  endSessions(email: string | null, atMs: number, cause: Cause): Promise<string[]>;
  /** Sessions that were ended early since then. */
  endedSince(sinceMs: number): Promise<{ id: string; endedAtMs: number }[]>;
  /** Deletes at most `limit` sessions that expired before then; returns how many it deleted. */
  prune(beforeMs: number, limit: number): Promise<number>;
  close(): Promise<void>;
};

type AccountRow = {
  id: string;
  email: string;
  name: string;
  role: Account['role'];
  locale: Account['locale'];
  created_at: Date;
};
const toAccount = (row: AccountRow): Account => ({
  id: row.id,
  email: row.email,
  name: row.name,
  role: row.role,
  locale: row.locale,
  createdAt: row.created_at.toISOString(),
});

/**
 * A crowd signs up within seconds of an announcement: accounts are written in batches, each with
 * its session. The order by e-mail keeps two batches from deadlocking.
 */
const addAccounts = async (
  db: Database,
  entries: readonly NewAccount[],
): Promise<readonly boolean[]> => {
  const made = await db.query<{ id: string }>(
    `WITH asked AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
         $6::text[], $7::timestamptz[], $8::text[], $9::bytea[], $10::timestamptz[], $11::text[],
         $12::text[], $13::text[])
       AS t (id, email, name, role, locale, password_hash, at, session_id, secret_hash, ends_at,
         who, why, request_id)
     ), made AS (
       INSERT INTO identity.accounts (id, email, name, role, locale, password_hash, created_at)
       SELECT id, email, name, role, locale, password_hash, at FROM asked ORDER BY email
       ON CONFLICT DO NOTHING RETURNING id
     ), born AS (
       SELECT asked.* FROM asked JOIN made USING (id)
     ), started AS (
       INSERT INTO identity.sessions (id, account_id, secret_hash, started_at, ends_at)
       SELECT session_id, id, secret_hash, at, ends_at FROM born WHERE session_id IS NOT NULL
     ), noted AS (
       INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
       SELECT at, who, 'account.made', id, NULL, why, request_id FROM born
       UNION ALL
       SELECT at, who, 'session.started', id, session_id, why, request_id
       FROM born WHERE session_id IS NOT NULL
     )
     SELECT id FROM made`,
    [
      entries.map(({ account }) => account.id),
      entries.map(({ account }) => account.email),
      entries.map(({ account }) => account.name),
      entries.map(({ account }) => account.role),
      entries.map(({ account }) => account.locale),
      entries.map(({ passwordHash }) => passwordHash),
      entries.map(({ account }) => account.createdAt),
      entries.map(({ session }) => session?.id ?? null),
      entries.map(({ session }) => session?.secretHash ?? null),
      entries.map(({ session }) => (session === null ? null : new Date(session.endsAtMs))),
      entries.map(({ cause }) => cause.who),
      entries.map(({ cause }) => cause.why),
      entries.map(({ cause }) => cause.requestId),
    ],
  );
  const ids = new Set(made.map((row) => row.id));
  return entries.map(({ account }) => ids.has(account.id));
};

type RotationRow = AccountRow & {
  verdict: Rotation['verdict'];
  generation: number;
  ends_at: Date;
};

/** A reopened page refreshes its token first; the crowd that reloads at noon is batched. */
const rotateAll = async (
  db: Database,
  tokens: readonly PresentedToken[],
  nowMs: number,
  ttlMs: number,
): Promise<readonly Rotation[]> => {
  const rows = await db.query<RotationRow>(
    `SELECT verdict, generation, ends_at, account_id AS id, email, name, role, locale, created_at
     FROM identity.rotate_sessions($1, $2, $3, $4, $5, $6, $7, $8 * interval '1 millisecond')`,
    [
      tokens.map((token) => token.sessionId),
      tokens.map((token) => token.secretHash),
      tokens.map((token) => token.generation),
      tokens.map((token) => token.requestId),
      new Date(nowMs),
      new Date(nowMs - refreshGraceMs),
      new Date(nowMs + ttlMs),
      sessionLifeMaxMs,
    ],
  );
  return rows.map((row) =>
    row.verdict === 'current' || row.verdict === 'repeated'
      ? {
          verdict: row.verdict,
          generation: row.generation,
          endsAtMs: row.ends_at.getTime(),
          account: toAccount(row),
        }
      : { verdict: row.verdict },
  );
};

export const makeIdentityStore = (deps: {
  db: Database;
  metrics: Metrics;
  nowMs: () => number;
  refreshTokenTtlMs: number;
}): IdentityStore => {
  const { db, metrics, nowMs, refreshTokenTtlMs } = deps;
  const adding = makeBatcher({
    name: 'add-accounts',
    sizes: metrics.batchSizes,
    run: (entries: readonly NewAccount[]) => addAccounts(db, entries),
  });
  const rotating = makeBatcher({
    name: 'rotate-sessions',
    sizes: metrics.batchSizes,
    run: (tokens: readonly PresentedToken[]) => rotateAll(db, tokens, nowMs(), refreshTokenTtlMs),
  });
  return {
    addAccount: (entry) => adding.add(entry),
    rotate: (token) => rotating.add(token),
    findByEmail: async (email) => {
      const rows = await db.query<AccountRow & { password_hash: string }>(
        `SELECT id, email, name, role, locale, created_at, password_hash
         FROM identity.accounts WHERE email = $1`,
        [email],
      );
      const row = rows[0];
      return row === undefined
        ? null
        : { account: toAccount(row), passwordHash: row.password_hash };
    },
    accounts: async (ids) => {
      const rows = await db.query<AccountRow>(
        `SELECT id, email, name, role, locale, created_at
         FROM identity.accounts WHERE id = ANY ($1)`,
        [ids],
      );
      return rows.map(toAccount);
    },
    startSession: async (accountId, session, cause) => {
      await db.query(
        `WITH started AS (
           INSERT INTO identity.sessions (id, account_id, secret_hash, started_at, ends_at)
           VALUES ($1, $2, $3, $4, $5)
         )
         INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
         VALUES ($4, $6, 'session.started', $2, $1, $7, $8)`,
        [
          session.id,
          accountId,
          session.secretHash,
          new Date(session.startedAtMs),
          new Date(session.endsAtMs),
          cause.who,
          cause.why,
          cause.requestId,
        ],
      );
    },
    endSession: async (sessionId, atMs, cause) => {
      await db.query(
        `WITH ended AS (
           UPDATE identity.sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL
           RETURNING id, account_id
         )
         INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
         SELECT $2, $3, 'session.ended', account_id, id, $4, $5 FROM ended`,
        [sessionId, new Date(atMs), cause.who, cause.why, cause.requestId],
      );
    },
    // Sessions have no index by account: these calls are rare, and every log-in would pay for one.
    changeAccount: async (email, to, atMs, cause) => {
      const isOfRole = 'role' in to;
      const rows = await db.query<{ account_id: string; session_ids: string[] }>(
        `WITH changed AS (
           UPDATE identity.accounts SET role = COALESCE($3, role),
             password_hash = COALESCE($4, password_hash)
           WHERE email = $1 RETURNING id
         ), ended AS (
           UPDATE identity.sessions s SET ended_at = $2 FROM changed
           WHERE s.account_id = changed.id AND s.ended_at IS NULL AND s.ends_at > $2
           RETURNING s.id, s.account_id
         ), noted AS (
           INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
           SELECT $2, $5, $6, id, NULL, $7, $8 FROM changed
           UNION ALL
           SELECT $2, $5, 'session.ended', account_id, id, $7, $8 FROM ended
         )
         SELECT id AS account_id, ARRAY(SELECT id FROM ended) AS session_ids FROM changed`,
        [
          email,
          new Date(atMs),
          isOfRole ? to.role : null,
          isOfRole ? null : to.passwordHash,
          cause.who,
          isOfRole ? 'account.role-changed' : 'account.password-changed',
          cause.why,
          cause.requestId,
        ],
      );
      const row = rows[0];
      return row === undefined
        ? null
        : { accountId: row.account_id, endedSessionIds: row.session_ids };
    },
    endSessions: async (email, atMs, cause) => {
      const rows = await db.query<{ id: string }>(
        `WITH ended AS (
           UPDATE identity.sessions s SET ended_at = $2 FROM identity.accounts a
           WHERE a.id = s.account_id AND ($1::text IS NULL OR a.email = $1)
             AND s.ended_at IS NULL AND s.ends_at > $2
           RETURNING s.id, s.account_id
         ), noted AS (
           INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
           SELECT $2, $3, 'session.ended', account_id, id, $4, $5 FROM ended
         )
         SELECT id FROM ended`,
        [email, new Date(atMs), cause.who, cause.why, cause.requestId],
      );
      return rows.map(({ id }) => id);
    },
    endedSince: async (sinceMs) => {
      const rows = await db.query<{ id: string; ended_at: Date }>(
        'SELECT id, ended_at FROM identity.sessions WHERE ended_at > $1 ORDER BY ended_at',
        [new Date(sinceMs)],
      );
      return rows.map((row) => ({ id: row.id, endedAtMs: row.ended_at.getTime() }));
    },
    prune: async (beforeMs, limit) => {
      const rows = await db.query<{ count: number }>(
        `WITH gone AS (
           DELETE FROM identity.sessions WHERE id IN (
             SELECT id FROM identity.sessions WHERE ends_at < $1 OR ended_at < $1 LIMIT $2
             FOR UPDATE SKIP LOCKED
           ) RETURNING 1
         )
         SELECT count(*) AS count FROM gone`,
        [new Date(beforeMs), limit],
      );
      return rows[0]?.count ?? 0;
    },
    close: async () => {
      await adding.close();
      await rotating.close();
    },
  };
};

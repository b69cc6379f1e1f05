import type { Account } from '@usher/contract/identity.ts';
import { makeBatcher } from '../../platform/batcher.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';
import { appendCodeMade, appendLeft } from './events.ts';
import {
  codesMax,
  codesPauseMs,
  codesWithinMs,
  refreshGraceMs,
  sessionLifeMaxMs,
} from './limits.ts';

export type NewSession = { id: string; secretHash: Buffer; startedAtMs: number; endsAtMs: number };

/** Who makes a change and in which request, for the audit trail. */
type Cause = { who: string; why: string; requestId: string | null };

export type NewAccount = {
  account: Account;
  passwordHash: string;
  /** Where a mailbox may have one account only; null: it may have several. */
  mailbox: string | null;
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

export type CodePurpose = 'confirm' | 'change' | 'reset';

/** A code that is mailed to `email`; see codes.ts. */
export type MadeCode = {
  id: string;
  accountId: string;
  purpose: CodePurpose;
  email: string;
  madeAtMs: number;
  endsAtMs: number;
};

export type OpenSession = { id: string; startedAtMs: number; usedAtMs: number; endsAtMs: number };

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
  /** An account with its password, by id; null if there is none or it was left. */
  findById(accountId: string): Promise<{ account: Account; passwordHash: string } | null>;
  /** Changes what is given of an account; null if there is none or it was left. */
  editAccount(
    accountId: string,
    to: { name: string | undefined; locale: Account['locale'] | undefined },
    atMs: number,
    cause: Cause,
  ): Promise<Account | null>;
  /** Writes a code and that it is to be mailed, unless too many were made lately. */
  addCode(
    code: MadeCode,
    requestId: string,
  ): Promise<{ outcome: 'made' } | { outcome: 'too-soon'; waitMs: number }>;
  /** A code that can still be used; null: it cannot, or does not exist. */
  findCode(codeId: string, nowMs: number): Promise<MadeCode | null>;
  /** The codes of an account that can still be used, newest first. */
  listCodes(
    accountId: string,
    purposes: readonly CodePurpose[],
    nowMs: number,
  ): Promise<MadeCode[]>;
  /**
   * Uses up a code: its address is now that of the account, and confirmed. `taken`: another account
   * has it. `used`: the code was used meanwhile, or its address is the account's no more.
   */
  useCode(
    codeId: string,
    mailbox: string | null,
    atMs: number,
    cause: Cause,
  ): Promise<{ outcome: 'done'; account: Account } | { outcome: 'taken' } | { outcome: 'used' }>;
  /** The sessions of an account that have not ended, newest first. */
  listSessions(accountId: string, nowMs: number): Promise<OpenSession[]>;
  /** Ends one session of an account, or all but one; returns the ids of those that it ended. */
  endSessionsOf(
    accountId: string,
    which: { only: string } | { except: string },
    atMs: number,
    cause: Cause,
  ): Promise<string[]>;
  /** What the audit has about an account, oldest first. */
  readHistory(accountId: string): Promise<{ at: Date; what: string; why: string }[]>;
  /** Erases what identifies a person, and ends their sessions; returns the ids of these. */
  erase(accountId: string, atMs: number, cause: Cause & { requestId: string }): Promise<string[]>;
  /** Deletes at most `limit` codes that ended before then; returns how many it deleted. */
  pruneCodes(beforeMs: number, limit: number): Promise<number>;
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
  confirmed_at: Date | null;
};
const accountColumns = 'id, email, name, role, locale, created_at, confirmed_at';
const toAccount = (row: AccountRow): Account => ({
  id: row.id,
  email: row.email,
  name: row.name,
  role: row.role,
  locale: row.locale,
  emailConfirmed: row.confirmed_at !== null,
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
         $12::text[], $13::text[], $14::boolean[], $15::text[])
       AS t (id, email, name, role, locale, password_hash, at, session_id, secret_hash, ends_at,
         who, why, request_id, is_confirmed, mailbox)
     ), made AS (
       INSERT INTO identity.accounts (id, email, name, role, locale, password_hash, created_at,
         confirmed_at, mailbox)
       SELECT id, email, name, role, locale, password_hash, at,
         CASE WHEN is_confirmed THEN at END, mailbox
       FROM asked ORDER BY email
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
      entries.map(({ account }) => account.emailConfirmed),
      entries.map(({ mailbox }) => mailbox),
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
    `SELECT r.verdict, r.generation, r.ends_at, r.account_id AS id, r.email, r.name, r.role,
       r.locale, r.created_at, a.confirmed_at
     FROM identity.rotate_sessions($1, $2, $3, $4, $5, $6, $7, $8 * interval '1 millisecond')
       WITH ORDINALITY r
     LEFT JOIN identity.accounts a ON a.id = r.account_id
     ORDER BY r.ordinality`,
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

type CodeRow = {
  id: string;
  account_id: string;
  purpose: CodePurpose;
  email: string;
  made_at: Date;
  ends_at: Date;
};
const codeColumns = 'id, account_id, purpose, email, made_at, ends_at';
const toCode = (row: CodeRow): MadeCode => ({
  id: row.id,
  accountId: row.account_id,
  purpose: row.purpose,
  email: row.email,
  madeAtMs: row.made_at.getTime(),
  endsAtMs: row.ends_at.getTime(),
});

/** How long a further code must wait, after those that were made lately; 0: not at all. */
const readCodePause = async (tx: Sql, { accountId, purpose, madeAtMs }: MadeCode) => {
  const rows = await tx.query<{ made_at: Date }>(
    `SELECT made_at FROM identity.codes WHERE account_id = $1 AND purpose = $2 AND made_at > $3
     ORDER BY made_at DESC LIMIT $4`,
    [accountId, purpose, new Date(madeAtMs - codesWithinMs), codesMax],
  );
  const [newest, oldest] = [rows[0], rows[codesMax - 1]];
  return Math.max(
    newest === undefined ? 0 : newest.made_at.getTime() + codesPauseMs - madeAtMs,
    oldest === undefined ? 0 : oldest.made_at.getTime() + codesWithinMs - madeAtMs,
    0,
  );
};

/** What people do with their own account. */
const makeCareStore = (
  db: Database,
): Pick<
  IdentityStore,
  | 'findById'
  | 'editAccount'
  | 'addCode'
  | 'findCode'
  | 'listCodes'
  | 'useCode'
  | 'listSessions'
  | 'endSessionsOf'
  | 'readHistory'
  | 'erase'
  | 'pruneCodes'
> => ({
  findById: async (accountId) => {
    const [row] = await db.query<AccountRow & { password_hash: string }>(
      `SELECT ${accountColumns}, password_hash
       FROM identity.accounts WHERE id = $1 AND left_at IS NULL`,
      [accountId],
    );
    return row === undefined ? null : { account: toAccount(row), passwordHash: row.password_hash };
  },
  editAccount: async (accountId, to, atMs, cause) => {
    const [row] = await db.query<AccountRow>(
      `WITH edited AS (
         UPDATE identity.accounts SET name = coalesce($2, name), locale = coalesce($3, locale)
         WHERE id = $1 AND left_at IS NULL RETURNING ${accountColumns}
       ), noted AS (
         INSERT INTO identity.audit (at, who, what, account_id, why, request_id)
         SELECT $4::timestamptz, $5, 'account.edited', id, $6, $7 FROM edited
       )
       SELECT * FROM edited`,
      [
        accountId,
        to.name ?? null,
        to.locale ?? null,
        new Date(atMs),
        cause.who,
        cause.why,
        cause.requestId,
      ],
    );
    return row === undefined ? null : toAccount(row);
  },
  addCode: (code, requestId) =>
    db.transaction(async (tx) => {
      // One at a time for an account: many calls at once do not pass the limit together.
      await tx.query('SELECT FROM identity.accounts WHERE id = $1 FOR NO KEY UPDATE', [
        code.accountId,
      ]);
      const waitMs = await readCodePause(tx, code);
      if (waitMs > 0) return { outcome: 'too-soon', waitMs };
      const values = 'VALUES ($1, $2, $3, $4, $5, $6)';
      await tx.query(`INSERT INTO identity.codes (${codeColumns}) ${values}`, [
        code.id,
        code.accountId,
        code.purpose,
        code.email,
        new Date(code.madeAtMs),
        new Date(code.endsAtMs),
      ]);
      const made = { accountId: code.accountId, codeId: code.id };
      await appendCodeMade(tx, made, code.madeAtMs, requestId);
      return { outcome: 'made' };
    }),
  findCode: async (codeId, nowMs) => {
    const [row] = await db.query<CodeRow>(
      `SELECT ${codeColumns} FROM identity.codes
       WHERE id = $1 AND used_at IS NULL AND ends_at > $2`,
      [codeId, new Date(nowMs)],
    );
    return row === undefined ? null : toCode(row);
  },
  listCodes: async (accountId, purposes, nowMs) => {
    const rows = await db.query<CodeRow>(
      `SELECT ${codeColumns} FROM identity.codes
       WHERE account_id = $1 AND purpose = ANY ($2) AND used_at IS NULL AND ends_at > $3
       ORDER BY made_at DESC`,
      [accountId, purposes, new Date(nowMs)],
    );
    return rows.map(toCode);
  },
  useCode: async (codeId, mailbox, atMs, cause) => {
    const [row] = await db.query<AccountRow & { is_taken: boolean }>(
      `WITH wanted AS (
         SELECT c.id, c.account_id, c.email, c.purpose, EXISTS (
           SELECT FROM identity.accounts o
           WHERE (o.email = c.email OR o.mailbox = $6) AND o.id <> c.account_id
         ) AS is_taken
         FROM identity.codes c JOIN identity.accounts a ON a.id = c.account_id
         WHERE c.id = $1 AND c.used_at IS NULL AND c.ends_at > $2 AND a.left_at IS NULL
           AND (c.purpose = 'change' OR c.email = a.email)
       ), used AS (
         UPDATE identity.codes c SET used_at = $2 FROM wanted
         WHERE c.id = wanted.id AND c.used_at IS NULL RETURNING wanted.*
       ), changed AS (
         UPDATE identity.accounts a
         SET email = used.email, mailbox = coalesce($6, a.mailbox), confirmed_at = coalesce(
           CASE WHEN used.purpose <> 'change' THEN a.confirmed_at END, $2)
         FROM used WHERE a.id = used.account_id AND NOT used.is_taken
         RETURNING a.*
       ), noted AS (
         INSERT INTO identity.audit (at, who, what, account_id, why, request_id)
         SELECT $2, $3, CASE WHEN purpose = 'change' THEN 'account.email-changed'
           ELSE 'account.email-confirmed' END, account_id, $4, $5
         FROM used WHERE NOT is_taken
       )
       SELECT ${accountColumns.replaceAll(/(\w+)/g, 'changed.$1')}, used.is_taken
       FROM used LEFT JOIN changed ON changed.id = used.account_id`,
      [codeId, new Date(atMs), cause.who, cause.why, cause.requestId, mailbox],
    );
    if (row === undefined) return { outcome: 'used' };
    return row.is_taken ? { outcome: 'taken' } : { outcome: 'done', account: toAccount(row) };
  },
  listSessions: async (accountId, nowMs) => {
    const rows = await db.query<{ id: string; started_at: Date; used_at: Date; ends_at: Date }>(
      `SELECT id, started_at, coalesce(retired_at[1], started_at) AS used_at, ends_at
       FROM identity.sessions WHERE account_id = $1 AND ended_at IS NULL AND ends_at > $2
       ORDER BY started_at DESC, id DESC`,
      [accountId, new Date(nowMs)],
    );
    return rows.map((row) => ({
      id: row.id,
      startedAtMs: row.started_at.getTime(),
      usedAtMs: row.used_at.getTime(),
      endsAtMs: row.ends_at.getTime(),
    }));
  },
  endSessionsOf: async (accountId, which, atMs, cause) => {
    const isOne = 'only' in which;
    const rows = await db.query<{ id: string }>(
      `WITH ended AS (
         UPDATE identity.sessions SET ended_at = $2
         WHERE account_id = $1 AND ended_at IS NULL AND ends_at > $2
           AND ($3::text IS NULL OR id = $3) AND id IS DISTINCT FROM $4
         RETURNING id, account_id
       ), noted AS (
         INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
         SELECT $2, $5, 'session.ended', account_id, id, $6, $7 FROM ended
       )
       SELECT id FROM ended`,
      [
        accountId,
        new Date(atMs),
        isOne ? which.only : null,
        isOne ? null : which.except,
        cause.who,
        cause.why,
        cause.requestId,
      ],
    );
    return rows.map(({ id }) => id);
  },
  readHistory: (accountId) =>
    db.query<{ at: Date; what: string; why: string }>(
      'SELECT at, what, why FROM identity.audit WHERE account_id = $1 ORDER BY seq',
      [accountId],
    ),
  erase: (accountId, atMs, cause) =>
    db.transaction(async (tx) => {
      const at = new Date(atMs);
      const left = await tx.query(
        `UPDATE identity.accounts SET email = id || '@left.invalid', mailbox = NULL, name = '',
           password_hash = '', confirmed_at = NULL, left_at = $2
         WHERE id = $1 AND left_at IS NULL RETURNING id`,
        [accountId, at],
      );
      if (left.length === 0) return [];
      await tx.query('DELETE FROM identity.codes WHERE account_id = $1', [accountId]);
      const ended = await tx.query<{ id: string }>(
        `WITH ended AS (
           UPDATE identity.sessions SET ended_at = $2
           WHERE account_id = $1 AND ended_at IS NULL AND ends_at > $2 RETURNING id, account_id
         ), noted AS (
           INSERT INTO identity.audit (at, who, what, account_id, session_id, why, request_id)
           SELECT $2, $3, 'account.left', $1, NULL, $4, $5
           UNION ALL
           SELECT $2, $3, 'session.ended', account_id, id, $4, $5 FROM ended
         )
         SELECT id FROM ended`,
        [accountId, at, cause.who, cause.why, cause.requestId],
      );
      await appendLeft(tx, { accountId }, atMs, cause.requestId);
      return ended.map(({ id }) => id);
    }),
  pruneCodes: async (beforeMs, limit) => {
    const rows = await db.query<{ count: number }>(
      `WITH gone AS (
         DELETE FROM identity.codes WHERE id IN (
           SELECT id FROM identity.codes WHERE ends_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING 1
       )
       SELECT count(*) AS count FROM gone`,
      [new Date(beforeMs), limit],
    );
    return rows[0]?.count ?? 0;
  },
});

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
        `SELECT ${accountColumns}, password_hash
         FROM identity.accounts WHERE email = $1 AND left_at IS NULL`,
        [email],
      );
      const row = rows[0];
      return row === undefined
        ? null
        : { account: toAccount(row), passwordHash: row.password_hash };
    },
    accounts: async (ids) => {
      const rows = await db.query<AccountRow>(
        `SELECT ${accountColumns}
         FROM identity.accounts WHERE id = ANY ($1) AND left_at IS NULL`,
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
    ...makeCareStore(db),
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

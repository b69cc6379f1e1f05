import type { LeverUse } from '@usher/contract/waiting-room.ts';
import type { Database } from '../../platform/postgres/sql.ts';

type Intent = {
  readonly id: string;
  readonly showId: string;
  /** Null: the program itself. */
  readonly accountId: string | null;
  readonly action: Readonly<Record<string, unknown>>;
  readonly reason: string | null;
  readonly ifRev: number | null;
  readonly requestId: string;
};
type Outcome = {
  readonly outcome: 'done' | 'refused';
  readonly rev: number | null;
  readonly detail: string | null;
};
type Row = Omit<LeverUse, 'at'> & { at: Date };

/** The audit of the levers: rows are added, never changed. */
export const makeLeverAudit = (db: Database) => ({
  /** Before the change. False: an earlier attempt of the same call has noted it. */
  intend: async (intent: Intent): Promise<boolean> => {
    const added = await db.query(
      `INSERT INTO operations.levers
         (id, show_id, account_id, action, reason, if_rev, request_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (id) DO NOTHING RETURNING id`,
      [
        intent.id,
        intent.showId,
        intent.accountId,
        JSON.stringify(intent.action),
        intent.reason,
        intent.ifRev,
        intent.requestId,
      ],
    );
    return added.length === 1;
  },

  /** After it; an outcome that is already known stays. */
  complete: async (id: string, { outcome, rev, detail }: Outcome): Promise<void> => {
    await db.query(
      `INSERT INTO operations.lever_outcomes (lever_id, outcome, rev, detail)
       VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [id, outcome, rev, detail],
    );
  },

  /**
   * The newest uses, latest effect first: ordered by the rev that they made. One without an outcome
   * is placed at the rev that the operator saw. `done` sorts before `refused` alphabetically.
   */
  newest: async (showId: string, limit: number): Promise<LeverUse[]> => {
    const rows = await db.query<Row>(
      `SELECT l.id, l.at, l.account_id AS "accountId", l.action, l.reason, l.if_rev AS "ifRev",
         coalesce(o.outcome, 'unknown') AS outcome, o.rev, o.detail, l.request_id AS "requestId"
       FROM (SELECT * FROM operations.levers WHERE show_id = $1 ORDER BY seq DESC LIMIT $2) l
       LEFT JOIN LATERAL (
         SELECT outcome, rev, detail FROM operations.lever_outcomes
         WHERE lever_id = l.id ORDER BY outcome LIMIT 1
       ) o ON true
       ORDER BY coalesce(o.rev, l.if_rev, 0) DESC, l.seq DESC`,
      [showId, limit],
    );
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
  },
});
export type LeverAudit = ReturnType<typeof makeLeverAudit>;

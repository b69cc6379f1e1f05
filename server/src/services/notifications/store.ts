import type { Ids } from '../../platform/ids.ts';
import { addJobSql } from '../../platform/jobs.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';
import { mailsPerJob, resumedMax } from './limits.ts';

export type MailKind = 'order-paid' | 'order-failed' | 'order-unknown' | 'sale-opened';

/** The subject and the recipient of a mail; there is only ever one mail for each such triple. */
export type Telling = {
  readonly kind: MailKind;
  readonly aboutId: string;
  readonly recipientId: string;
};

export type WaitingMail = Telling & {
  readonly id: string;
  /** Includes this attempt. */
  readonly tries: number;
  readonly writtenAt: Date;
};

/** How one attempt ended; the composed parts are null if it did not get that far. */
export type TriedMail = {
  readonly id: string;
  readonly state: 'WAITING' | 'SENT' | 'DROPPED' | 'GIVEN_UP';
  readonly reason: string | null;
  readonly to: string | null;
  readonly subject: string | null;
  readonly text: string | null;
  readonly html: string | null;
};

export type WrittenMail = {
  readonly id: string;
  readonly state: TriedMail['state'];
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly reason: string | null;
  readonly writtenAt: Date;
  readonly sentAt: Date | null;
  readonly givenUpAt: Date | null;
};

export const sendMailsJob = 'notifications-send-mails';

const writtenColumns = `id, state, to_address AS "to", subject, text_part AS text,
  html_part AS html, reason, written_at AS "writtenAt", sent_at AS "sentAt",
  given_up_at AS "givenUpAt"`;

const addJobs = async (tx: Sql, mails: readonly { id: string }[]): Promise<void> => {
  for (let at = 0; at < mails.length; at += mailsPerJob) {
    const mailIds = mails.slice(at, at + mailsPerJob).map(({ id }) => id);
    await tx.query(`SELECT ${addJobSql}`, [sendMailsJob, JSON.stringify({ mailIds })]);
  }
};

export type NotificationsStore = ReturnType<typeof makeNotificationsStore>;

export const makeNotificationsStore = (db: Database, ids: Ids) => ({
  /** Writes mails that do not exist yet and the jobs that send them, in the caller's `tx`. */
  tell: async (tx: Sql, tellings: readonly Telling[]): Promise<void> => {
    const fresh = await tx.query<{ id: string }>(
      `INSERT INTO notifications.mails (id, kind, about_id, recipient_id)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
       ON CONFLICT DO NOTHING RETURNING id`,
      [
        tellings.map(() => ids.make('mail')),
        tellings.map(({ kind }) => kind),
        tellings.map(({ aboutId }) => aboutId),
        tellings.map(({ recipientId }) => recipientId),
      ],
    );
    await addJobs(tx, fresh);
  },

  /**
   * Creates new jobs for mails whose job was lost: a job of a killed process stays locked for 4
   * hours. A mail counts as such if its last attempt is longer ago than the pause after it plus 10
   * minutes. Returns how many there were.
   */
  resume: (): Promise<number> =>
    db.transaction(async (tx) => {
      const lost = await tx.query<{ id: string }>(
        `UPDATE notifications.mails SET tried_at = clock_timestamp() WHERE id IN (
           SELECT id FROM notifications.mails WHERE state = 'WAITING'
             AND coalesce(tried_at, written_at)
               + (exp(least(tries, 10)) + 600) * interval '1 second' < clock_timestamp()
           ORDER BY written_at LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING id`,
        [resumedMax],
      );
      await addJobs(tx, lost);
      return lost.length;
    }),

  /**
   * Counts an attempt before it is made, so that a mail that kills the process is given up, too.
   */
  beginTry: (mailIds: readonly string[]): Promise<WaitingMail[]> =>
    db.query<WaitingMail>(
      `UPDATE notifications.mails SET tries = tries + 1, tried_at = clock_timestamp()
       WHERE id = ANY ($1) AND state = 'WAITING'
       RETURNING id, kind, about_id AS "aboutId", recipient_id AS "recipientId", tries,
         written_at AS "writtenAt"`,
      [mailIds],
    ),

  endTries: async (tried: readonly TriedMail[]): Promise<void> => {
    await db.query(
      `UPDATE notifications.mails m SET state = t.state, reason = t.reason,
         sent_at = CASE WHEN t.state = 'SENT' THEN clock_timestamp() END,
         given_up_at = CASE WHEN t.state = 'GIVEN_UP' THEN clock_timestamp() END,
         to_address = coalesce(t.to, m.to_address), subject = coalesce(t.subject, m.subject),
         text_part = coalesce(t.text, m.text_part), html_part = coalesce(t.html, m.html_part)
       FROM jsonb_to_recordset($1::jsonb) AS t (
         id text, state text, reason text, "to" text, subject text, text text, html text)
       WHERE m.id = t.id AND m.state = 'WAITING'`,
      [JSON.stringify(tried)],
    );
  },

  /** The composed mails, newest first. */
  newest: (limit: number): Promise<WrittenMail[]> =>
    db.query<WrittenMail>(
      `SELECT ${writtenColumns} FROM notifications.mails WHERE subject IS NOT NULL
       ORDER BY written_at DESC, id DESC LIMIT $1`,
      [limit],
    ),
  written: async (mailId: string): Promise<WrittenMail | null> => {
    const rows = await db.query<WrittenMail>(
      `SELECT ${writtenColumns} FROM notifications.mails WHERE id = $1 AND subject IS NOT NULL`,
      [mailId],
    );
    return rows[0] ?? null;
  },
});

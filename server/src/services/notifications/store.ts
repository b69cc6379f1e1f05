import type { Ids } from '../../platform/ids.ts';
import { addJob } from '../../platform/jobs.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';
import { mailsPerJob, openingPriority, resumedMax } from './limits.ts';

export type MailKind =
  | 'order-paid'
  | 'order-failed'
  | 'order-unknown'
  | 'sale-opened'
  | 'account-code';

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
  /** How often the recipient asked for it again. */
  readonly repeats: number;
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

type Composition = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};
type MailFacts = Telling & {
  readonly id: string;
  readonly state: TriedMail['state'];
  readonly tries: number;
  readonly reason: string | null;
  readonly writtenAt: Date;
  readonly sentAt: Date | null;
  readonly givenUpAt: Date | null;
};
/** A mail that may not have been composed yet. */
export type ListedMail = MailFacts & { readonly [Part in keyof Composition]: string | null };
export type WrittenMail = MailFacts & Composition;

export const sendMailsJob = 'notifications-send-mails';

const listedColumns = `id, kind, about_id AS "aboutId", recipient_id AS "recipientId", state, tries,
  to_address AS "to", subject, text_part AS text, html_part AS html, reason,
  written_at AS "writtenAt", sent_at AS "sentAt", given_up_at AS "givenUpAt"`;

type JobMail = { readonly id: string; readonly kind: MailKind };

const addSendJob = async (tx: Sql, mails: readonly JobMail[], priority: number): Promise<void> => {
  for (let at = 0; at < mails.length; at += mailsPerJob) {
    const mailIds = mails.slice(at, at + mailsPerJob).map(({ id }) => id);
    await addJob(tx, { name: sendMailsJob, payload: { mailIds }, priority });
  }
};

/** A crowd that likes a show gets its mails after those who have just paid. */
const addSendJobs = async (tx: Sql, mails: readonly JobMail[]): Promise<void> => {
  const isOpening = ({ kind }: JobMail): boolean => kind === 'sale-opened';
  await addSendJob(
    tx,
    mails.filter((mail) => !isOpening(mail)),
    0,
  );
  await addSendJob(tx, mails.filter(isOpening), openingPriority);
};

export type NotificationsStore = ReturnType<typeof makeNotificationsStore>;

export const makeNotificationsStore = (db: Database, ids: Ids) => ({
  /** Writes mails that do not exist yet and the jobs that send them, in the caller's `tx`. */
  tell: async (tx: Sql, tellings: readonly Telling[]): Promise<void> => {
    const fresh = await tx.query<JobMail>(
      `INSERT INTO notifications.mails (id, kind, about_id, recipient_id)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
       ON CONFLICT DO NOTHING RETURNING id, kind`,
      [
        tellings.map(() => ids.make('mail')),
        tellings.map(({ kind }) => kind),
        tellings.map(({ aboutId }) => aboutId),
        tellings.map(({ recipientId }) => recipientId),
      ],
    );
    await addSendJobs(tx, fresh);
  },

  /**
   * Creates new jobs for mails whose job was lost: a job of a killed process stays locked for 4
   * hours. A mail counts as such if its last attempt is longer ago than the pause after it plus 10
   * minutes. Returns how many there were.
   */
  resume: (): Promise<number> =>
    db.transaction(async (tx) => {
      const lost = await tx.query<JobMail>(
        `UPDATE notifications.mails SET tried_at = clock_timestamp() WHERE id IN (
           SELECT id FROM notifications.mails WHERE state = 'WAITING'
             AND coalesce(tried_at, written_at)
               + (exp(least(tries, 10)) + 600) * interval '1 second' < clock_timestamp()
           ORDER BY written_at LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING id, kind`,
        [resumedMax],
      );
      await addSendJobs(tx, lost);
      return lost.length;
    }),

  /**
   * Counts an attempt before it is made, so that a mail that kills the process is given up, too.
   */
  beginTry: (mailIds: readonly string[]): Promise<WaitingMail[]> =>
    db.query<WaitingMail>(
      `UPDATE notifications.mails SET tries = tries + 1, tried_at = clock_timestamp()
       WHERE id = ANY ($1) AND state = 'WAITING'
       RETURNING id, kind, about_id AS "aboutId", recipient_id AS "recipientId", tries, repeats,
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

  /** Erases, in the caller's `tx`, what mails to these accounts said, and where they were sent. */
  erase: async (tx: Sql, recipientIds: readonly string[]): Promise<void> => {
    await tx.query(
      `UPDATE notifications.mails
       SET to_address = NULL, subject = NULL, text_part = NULL, html_part = NULL, reason = NULL
       WHERE recipient_id = ANY ($1)`,
      [recipientIds],
    );
  },

  /** Mails that were composed or could not be, newest first. */
  newest: (limit: number): Promise<ListedMail[]> =>
    db.query<ListedMail>(
      `SELECT ${listedColumns} FROM notifications.mails
       WHERE subject IS NOT NULL OR reason IS NOT NULL
       ORDER BY written_at DESC, id DESC LIMIT $1`,
      [limit],
    ),
  /** Mails whose last try failed, and those that were given up, newest first. */
  failing: (limit: number): Promise<ListedMail[]> =>
    db.query<ListedMail>(
      `SELECT ${listedColumns} FROM notifications.mails
       WHERE reason IS NOT NULL AND state IN ('WAITING', 'GIVEN_UP')
       ORDER BY written_at DESC, id DESC LIMIT $1`,
      [limit],
    ),
  written: async (mailId: string): Promise<WrittenMail | null> => {
    const rows = await db.query<WrittenMail>(
      `SELECT ${listedColumns} FROM notifications.mails WHERE id = $1 AND subject IS NOT NULL`,
      [mailId],
    );
    return rows[0] ?? null;
  },

  /**
   * Sends the mail with an order's tickets again, as another message. Not while it is waiting, and
   * not before a pause that doubles each time, from a minute to a day. Null: the order has none.
   */
  repeat: (orderId: string): Promise<'queued' | 'on-its-way' | 'too-soon' | null> =>
    db.transaction(async (tx) => {
      const again = await tx.query<JobMail>(
        `UPDATE notifications.mails SET state = 'WAITING', repeats = repeats + 1, tries = 0,
           tried_at = NULL, reason = NULL, sent_at = NULL, given_up_at = NULL,
           written_at = clock_timestamp()
         WHERE kind = 'order-paid' AND about_id = $1 AND state IN ('SENT', 'GIVEN_UP')
           AND coalesce(sent_at, given_up_at)
             + least(2 ^ least(repeats, 11), 1440) * interval '1 minute' < clock_timestamp()
         RETURNING id, kind`,
        [orderId],
      );
      await addSendJobs(tx, again);
      if (again.length > 0) return 'queued';
      const [mail] = await tx.query<{ state: TriedMail['state'] }>(
        `SELECT state FROM notifications.mails WHERE kind = 'order-paid' AND about_id = $1`,
        [orderId],
      );
      if (mail === undefined || mail.state === 'DROPPED') return null;
      return mail.state === 'WAITING' ? 'on-its-way' : 'too-soon';
    }),

  /** Whether an account wants no mails about sales that open. */
  isStopped: async (accountId: string): Promise<boolean> => {
    const query = 'SELECT FROM notifications.stops WHERE account_id = $1';
    return (await db.query(query, [accountId])).length > 0;
  },
  stop: async (accountId: string): Promise<void> => {
    await db.query(
      'INSERT INTO notifications.stops (account_id) VALUES ($1) ON CONFLICT DO NOTHING',
      [accountId],
    );
  },
  allow: async (accountId: string): Promise<void> => {
    await db.query('DELETE FROM notifications.stops WHERE account_id = $1', [accountId]);
  },
});

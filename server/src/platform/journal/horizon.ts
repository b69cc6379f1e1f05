import type { Database } from '../postgres/sql.ts';

export type Horizon = {
  /** Looks again. `isWaiting`: there are more events, of transactions that still run. */
  look(): Promise<{ finalSeq: number; isWaiting: boolean }>;
};

/** How far the events are final; see sql/note-horizon.sql. */
export const makeHorizon = (db: Database): Horizon => {
  let finalSeq = 0;
  /** Taken but not known to be final; the oldest such note. */
  let noted: { lastSeq: number; below: number } | null = null;
  return {
    look: async () => {
      const [row] = await db.query<{ last_seq: number; below: number | null; oldest: number }>(
        'SELECT last_seq, below, oldest FROM platform.note_horizon($1)',
        [noted?.lastSeq ?? finalSeq],
      );
      if (row === undefined) return { finalSeq, isWaiting: noted !== null };
      if (noted !== null && row.oldest >= noted.below) {
        finalSeq = noted.lastSeq;
        noted = null;
      }
      if (row.below !== null && row.oldest >= row.below) {
        finalSeq = row.last_seq;
        noted = null;
      } else if (row.below !== null) {
        noted ??= { lastSeq: row.last_seq, below: row.below };
      }
      return { finalSeq, isWaiting: noted !== null };
    },
  };
};

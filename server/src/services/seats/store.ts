import { type SeatState, shownState } from '@usher/domain/seat-bits.ts';
import { holderMark, type SeatDelta, type SeatSnapshot } from '@usher/domain/seat-map.ts';
import type { StrandedCheck } from '@usher/domain/stranded.ts';
import {
  type Columns,
  callFunction,
  columns,
  milliseconds,
  rows,
} from '../../platform/postgres/batch.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';

export type PerformanceDelta = SeatDelta & { performanceId: string };
/** What a statement changed, performance by performance, as returned by sql/publish.sql. */
export type Deltas = readonly PerformanceDelta[];

export type TakeRequest = {
  holdId: string;
  showId: string;
  performanceId: string;
  buyerId: string;
  /** Candidates, best first; each has one seat for each of `grades`. */
  windows: readonly (readonly number[])[];
  /** The grade's index in the painting, seat by seat. */
  grades: readonly number[];
  /** What would be stranded, by window; null if the show allows stranding. */
  checks: readonly (readonly StrandedCheck[])[] | null;
  requestId: string;
  /** The painting used to look up the grades; refused if the performance has another by now. */
  paintingVersion: string;
  /** What is wished, stored with the hold; see describeWish in service.take.ts. */
  fingerprint: string;
};

export type TakeResult =
  | { outcome: 'held'; seatNos: number[]; deadlineAt: Date; endsBy: Date }
  | { outcome: 'taken' | 'blocked' | 'stranded'; conflicts: number[] }
  | { outcome: 'unknown-performance' | 'closed' | 'none-free' }
  | { outcome: 'limit' }
  | { outcome: 'repainted' }
  | { outcome: 'not-open' }
  /** An earlier request with this id took a hold. */
  | { outcome: 'repeated' };

export type HoldRow = {
  id: string;
  showId: string;
  performanceId: string;
  buyerId: string;
  seatNos: number[];
  state: 'ACTIVE' | 'PAYING' | 'SOLD' | 'RELEASED' | 'LAPSED';
  takenAtMs: number;
  deadlineAt: Date;
  endsBy: Date;
  isExtended: boolean;
  /** What the hold was taken for; null: before this was stored. */
  fingerprint: string | null;
  nowAt: Date;
};

type StockOpening = {
  showId: string;
  performanceId: string;
  seatCount: number;
  saleOpensAt: Date;
  saleClosesAt: Date;
  buyerLimit: number;
  refusesStranding: boolean;
  /** Grades of claims are indexes into this painting. */
  paintingVersion: string;
};

/** Seats and conflicts are texts of int[]; see sql/take.sql. */
type TakenRow = {
  outcome: TakeResult['outcome'];
  seats: string | null;
  deadline: string;
  endsBy: string;
  conflicts: string | null;
};

/** The text of an int[] with one dimension and no nulls. */
const parseArray = (text: string | null): number[] =>
  JSON.parse(`[${(text ?? '{}').slice(1, -1)}]`) as number[];

const toTakeResult = (row: TakenRow): TakeResult => {
  const { outcome } = row;
  if (outcome === 'held')
    return {
      outcome,
      seatNos: parseArray(row.seats),
      deadlineAt: new Date(row.deadline),
      endsBy: new Date(row.endsBy),
    };
  if (outcome === 'taken' || outcome === 'blocked' || outcome === 'stranded')
    return { outcome, conflicts: parseArray(row.conflicts) };
  return { outcome };
};

const arrayText = (numbers: readonly number[]): string => `{${numbers.join(',')}}`;
const windowsText = (windows: TakeRequest['windows']): string =>
  `{${windows.map(arrayText).join(',')}}`;
const checksText = (checks: TakeRequest['checks']): string | null => {
  const texts = (checks ?? []).flatMap((perWindow, window) =>
    perWindow.map((check) => arrayText([window + 1, check.mid, check.far, check.opposite])),
  );
  return texts.length === 0 ? null : `{${texts.join(',')}}`;
};

const looksText = ({ windows, checks }: TakeRequest): string => {
  const checked = (checks ?? []).flat().flatMap(({ mid, far, opposite }) => [mid, far, opposite]);
  return arrayText([...windows.flat(), ...checked.filter((seatNo) => seatNo >= 0)]);
};

/** Performances in the seat stock; used by the catalogue within its transactions. */
export const makeSeatStock = (db: Database) => ({
  /** Opens performances for sale, or changes their window, limit and rule. */
  open: async (tx: Sql, openings: readonly StockOpening[]): Promise<void> => {
    await tx.query(
      `INSERT INTO seats.stock (show_id, performance_id, seat_count, sale_opens_at, sale_closes_at,
         buyer_limit, refuses_stranding, painting_version)
       SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[],
         $6::int[], $7::boolean[], $8::text[])
       ON CONFLICT (show_id, performance_id) DO UPDATE SET
         sale_opens_at = excluded.sale_opens_at, sale_closes_at = excluded.sale_closes_at,
         buyer_limit = excluded.buyer_limit, refuses_stranding = excluded.refuses_stranding`,
      [
        openings.map((o) => o.showId),
        openings.map((o) => o.performanceId),
        openings.map((o) => o.seatCount),
        openings.map((o) => o.saleOpensAt),
        openings.map((o) => o.saleClosesAt),
        openings.map((o) => o.buyerLimit),
        openings.map((o) => o.refusesStranding),
        openings.map((o) => o.paintingVersion),
      ],
    );
  },
  /** Seats that are not free, by performance and by the grade's index in its painting. */
  taken: async (showId: string): Promise<Map<string, Map<number, number>>> => {
    const found = await db.query<{ performance_id: string; grade: number; taken: number }>(
      `SELECT performance_id, grade, count(*)::int AS taken FROM seats.claims
       WHERE show_id = $1 GROUP BY performance_id, grade`,
      [showId],
    );
    const taken = new Map<string, Map<number, number>>();
    for (const row of found) {
      const grades = taken.get(row.performance_id) ?? new Map<number, number>();
      taken.set(row.performance_id, grades.set(row.grade, row.taken));
    }
    return taken;
  },
  /** Until the caller's transaction ends, nobody can hold a seat of these performances. */
  lock: async (tx: Sql, showId: string, performanceIds: readonly string[]): Promise<void> => {
    await tx.query(
      `SELECT FROM seats.stock WHERE show_id = $1 AND performance_id = ANY ($2)
       ORDER BY performance_id FOR UPDATE`,
      [showId, performanceIds],
    );
  },
  /** The performances in which a seat was ever held, even by a hold that has ended. */
  held: async (
    sql: Sql,
    showId: string,
    performanceIds: readonly string[],
  ): Promise<Set<string>> => {
    // Claims first: they are found by key, holds only by scanning all of the show.
    const found = await sql.query<{ performance_id: string }>(
      `SELECT p.performance_id FROM unnest($2::text[]) AS p (performance_id)
       WHERE EXISTS (SELECT FROM seats.claims c WHERE c.show_id = $1
           AND c.performance_id = p.performance_id AND c.state <> 'blocked')
         OR EXISTS (SELECT FROM seats.holds h WHERE h.show_id = $1
           AND h.performance_id = p.performance_id)`,
      [showId, performanceIds],
    );
    return new Set(found.map((row) => row.performance_id));
  },
  /** Gives performances another painting; blocked seats get their grade from it. */
  repaint: async (
    tx: Sql,
    showId: string,
    performances: readonly {
      performanceId: string;
      paintingVersion: string;
      grades: Uint8Array;
    }[],
  ): Promise<void> => {
    for (const { performanceId, paintingVersion, grades } of performances) {
      await tx.query(
        `WITH painted AS (
           UPDATE seats.stock SET painting_version = $3 WHERE show_id = $1 AND performance_id = $2
         )
         UPDATE seats.claims c SET grade = get_byte($4::bytea, c.seat_no)
         WHERE c.show_id = $1 AND c.performance_id = $2`,
        [showId, performanceId, paintingVersion, Buffer.from(grades)],
      );
    }
  },
  /** The performances of the shows in which no seat is free. */
  full: async (showIds: readonly string[]): Promise<Set<string>> => {
    const found = await db.query<{ performance_id: string }>(
      'SELECT performance_id FROM seats.stock WHERE show_id = ANY ($1) AND taken = seat_count',
      [showIds],
    );
    return new Set(found.map((row) => row.performance_id));
  },
  /** Blocks free seats, or puts blocked ones on sale; all or nothing. */
  block: async (
    tx: Sql,
    change: {
      showId: string;
      performanceId: string;
      block: readonly { seatNo: number; gradeIndex: number }[];
      unblock: readonly number[];
    },
  ): Promise<{ outcome: 'done' } | { outcome: 'taken'; seatNos: number[] }> => {
    const taken = await callFunction<number[] | null>(tx, 'seats.block', {
      show: change.showId,
      performance: change.performanceId,
      block_seats: change.block.map((seat) => seat.seatNo),
      block_grades: change.block.map((seat) => seat.gradeIndex),
      unblock_seats: change.unblock,
    });
    return taken === null ? { outcome: 'done' } : { outcome: 'taken', seatNos: taken };
  },
});

type Claim = {
  seat_no: number;
  state: 'held' | 'paying' | 'sold' | 'blocked';
  buyer_id: string | null;
  deadline_ms: number | null;
};

type ReleaseOutcome = 'released' | 'not-found' | 'ended';

export const makeSeatStore = (db: Database) => ({
  /** Decides a batch of hold requests in one statement; see sql/take.sql. */
  take: async (
    requests: readonly TakeRequest[],
    times: { ttlMs: number; totalMaxMs: number },
  ): Promise<{ results: TakeResult[]; deltas: Deltas }> => {
    const took = await callFunction<{ columns: Columns<TakenRow>; deltas: Deltas }>(
      db,
      'seats.take',
      {
        ...columns(requests, {
          hold_ids: (r) => r.holdId,
          show_ids: (r) => r.showId,
          performance_ids: (r) => r.performanceId,
          buyer_ids: (r) => r.buyerId,
          windows: (r) => windowsText(r.windows),
          grades: (r) => arrayText(r.grades),
          checks: (r) => checksText(r.checks),
          looks: looksText,
          request_ids: (r) => r.requestId,
          painting_versions: (r) => r.paintingVersion,
          fingerprints: (r) => r.fingerprint,
        }),
        ttl: milliseconds(times.ttlMs),
        total: milliseconds(times.totalMaxMs),
      },
    );
    return {
      results: rows(took.columns, requests.length).map(toTakeResult),
      deltas: took.deltas,
    };
  },

  release: async (
    holds: readonly { holdId: string; buyerId: string; requestId: string }[],
  ): Promise<{ results: ReleaseOutcome[]; deltas: Deltas }> => {
    const released = await callFunction<{
      columns: Columns<{ outcome: ReleaseOutcome }>;
      deltas: Deltas;
    }>(db, 'seats.release', {
      ...columns(holds, {
        hold_ids: (h) => h.holdId,
        buyer_ids: (h) => h.buyerId,
        request_ids: (h) => h.requestId,
      }),
      why: 'released by the buyer',
    });
    return {
      results: rows(released.columns, holds.length).map(({ outcome }) => outcome),
      deltas: released.deltas,
    };
  },

  extend: (
    holdId: string,
    buyerId: string,
    ttlMs: number,
  ): Promise<'extended' | 'not-found' | 'ended' | 'extended-before'> =>
    callFunction(db, 'seats.extend', {
      hold: holdId,
      buyer: buyerId,
      ttl: milliseconds(ttlMs),
    }),

  /** Puts the seats of lapsed holds on sale again. */
  lapse: (holdsMax: number): Promise<{ lapsed: number; deltas: Deltas }> =>
    callFunction(db, 'seats.lapse', { limit_holds: holdsMax }),

  /** In the order of the ids; null for those that do not exist. */
  holds: async (holdIds: readonly string[]): Promise<(HoldRow | null)[]> => {
    const found = await db.query<{
      id: string;
      show_id: string;
      performance_id: string;
      buyer_id: string;
      seat_nos: number[];
      state: HoldRow['state'];
      taken_at: Date;
      deadline: Date;
      ends_by: Date;
      is_extended: boolean;
      fingerprint: string | null;
      now_at: Date;
    }>(
      `SELECT id, show_id, performance_id, buyer_id, seat_nos, state, taken_at, deadline, ends_by,
         extended_at IS NOT NULL AS is_extended, fingerprint, clock_timestamp() AS now_at
       FROM seats.holds WHERE id = ANY ($1)`,
      [holdIds],
    );
    const holds = new Map<string, HoldRow>();
    for (const row of found)
      holds.set(row.id, {
        id: row.id,
        showId: row.show_id,
        performanceId: row.performance_id,
        buyerId: row.buyer_id,
        seatNos: row.seat_nos,
        state: row.state,
        takenAtMs: row.taken_at.getTime(),
        deadlineAt: row.deadline,
        endsBy: row.ends_by,
        isExtended: row.is_extended,
        fingerprint: row.fingerprint,
        nowAt: row.now_at,
      });
    return holdIds.map((id) => holds.get(id) ?? null);
  },

  /** The seats of a performance that are not free, with their version. */
  snapshot: async (
    performanceId: string,
  ): Promise<(SeatSnapshot & { seatCount: number }) | null> => {
    const [row] = await db.query<{
      version: number;
      seat_count: number;
      claims: Claim[] | null;
    }>(
      `SELECT s.version, s.seat_count, (
         SELECT json_agg(json_build_object('seat_no', c.seat_no, 'state', c.state,
           'buyer_id', c.buyer_id, 'deadline_ms', floor(extract(epoch FROM c.deadline) * 1000)))
         FROM seats.claims c
         WHERE c.show_id = s.show_id AND c.performance_id = s.performance_id) AS claims
       FROM seats.stock s WHERE s.performance_id = $1`,
      [performanceId],
    );
    if (row === undefined) return null;
    return {
      version: row.version,
      seatCount: row.seat_count,
      claims: (row.claims ?? []).map((claim) => ({
        seatNo: claim.seat_no,
        state: shownState(claim.state) as SeatState,
        holder: claim.buyer_id === null ? '' : holderMark(claim.buyer_id),
        deadlineMs: claim.deadline_ms,
      })),
    };
  },
});
export type SeatStore = ReturnType<typeof makeSeatStore>;

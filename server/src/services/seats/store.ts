import { readShownState } from '@usher/domain/seat-bits.ts';
import { holderMark, type SeatDelta, type SeatSnapshot } from '@usher/domain/seat-map.ts';
import type { StrandedCheck } from '@usher/domain/stranded.ts';
import { callFunction, milliseconds } from '../../platform/postgres/batch.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';

export type PerformanceDelta = SeatDelta & { performanceId: string };
/** What a statement changed, performance by performance, as returned by sql/publish.sql. */
export type Deltas = readonly PerformanceDelta[];

export type TakeRequest = {
  holdId: string;
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
  | { outcome: 'unknown-performance' | 'closed' }
  | { outcome: 'none-free' }
  | { outcome: 'limit' }
  | { outcome: 'repainted' }
  | { outcome: 'not-open' }
  /** An earlier request with this id took a hold. */
  | { outcome: 'repeated' };

export type ReleaseRequest = {
  holdId: string;
  performanceId: string;
  buyerId: string;
  requestId: string;
};
export type ReleaseOutcome = 'released' | 'not-found' | 'ended';
export type ReleaseAnswer = {
  readonly results: readonly ReleaseOutcome[];
  readonly deltas: Deltas;
};

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
  /** The order that was placed with it last. */
  orderId: string | null;
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

/** One result of sql/take.sql; the fields depend on the outcome. */
type TakenRow = {
  outcome: TakeResult['outcome'];
  seats: number[];
  deadline: string;
  endsBy: string;
  conflicts: number[];
};

const readTaken = (row: TakenRow): TakeResult => {
  const { outcome } = row;
  if (outcome === 'held')
    return {
      outcome,
      seatNos: row.seats,
      deadlineAt: new Date(row.deadline),
      endsBy: new Date(row.endsBy),
    };
  if (outcome === 'taken' || outcome === 'blocked' || outcome === 'stranded')
    return { outcome, conflicts: row.conflicts };
  return { outcome };
};

/** Every seat that a request names: PostgreSQL looks up who has it. */
const findLooks = ({ windows, checks }: TakeRequest): number[] => {
  const checked = (checks ?? []).flat().flatMap(({ mid, far, opposite }) => [mid, far, opposite]);
  return [...windows.flat(), ...checked.filter((seatNo) => seatNo >= 0)];
};

/** As sql/take.sql expects it. */
export const writeTake = (request: TakeRequest) => {
  const checks = (request.checks ?? []).flatMap((perWindow, window) =>
    perWindow.map(({ mid, far, opposite }) => [window + 1, mid, far, opposite]),
  );
  return {
    holdId: request.holdId,
    performanceId: request.performanceId,
    buyerId: request.buyerId,
    windows: request.windows,
    grades: request.grades,
    checks: checks.length === 0 ? null : checks,
    looks: findLooks(request),
    requestId: request.requestId,
    paintingVersion: request.paintingVersion,
    fingerprint: request.fingerprint,
  };
};

/** What sql/take.sql answers. */
export type TakeAnswer = { readonly results: readonly TakenRow[]; readonly deltas: Deltas };

/**
 * The calls of seats in the cycle of the process. Ranks follow the common order of locks, by
 * the first lock of each kind. Within a cycle holds are not locked in one order: two processes that
 * act on the same two holds at once may deadlock, and one of them is repeated. Stock, where crowds
 * meet, is locked in one order by seats.lock_performances.
 */
export const takeKind = {
  name: 'take-holds',
  functionName: 'seats.take',
  rank: 10,
  decode: readTaken,
};
export const releaseKind = {
  name: 'release-holds',
  functionName: 'seats.release',
  rank: 11,
  encode: (calls: readonly ReleaseRequest[]): readonly unknown[] => calls,
  decode: (outcome: ReleaseOutcome): ReleaseOutcome => outcome,
  readLock: ({ performanceId }: ReleaseRequest): string => performanceId,
};

/** Performances in the seat stock; used by the catalogue within its transactions. */
export const makeSeatStock = (db: Database) => ({
  /** Opens performances for sale, or changes their window, limit and rule. */
  open: async (tx: Sql, openings: readonly StockOpening[]): Promise<void> => {
    // Those that exist are changed, and must be locked in the order in which everybody locks them.
    await tx.query(
      'SELECT FROM seats.stock WHERE performance_id = ANY ($1) ORDER BY no FOR UPDATE',
      [openings.map((o) => o.performanceId)],
    );
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
      `SELECT s.performance_id, c.grade, count(*)::int AS taken
       FROM seats.stock s JOIN seats.claims c ON c.stock_no = s.no
       WHERE s.show_id = $1 GROUP BY s.performance_id, c.grade`,
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
       ORDER BY no FOR UPDATE`,
      [showId, performanceIds],
    );
  },
  /** The performances in which a seat was ever held, even by a hold that has ended. */
  held: async (
    sql: Sql,
    showId: string,
    performanceIds: readonly string[],
  ): Promise<Set<string>> => {
    // Claims first: they are found by key, holds only by reading all of them.
    const found = await sql.query<{ performance_id: string }>(
      `SELECT s.performance_id FROM seats.stock s
       WHERE s.show_id = $1 AND s.performance_id = ANY ($2) AND (
         EXISTS (SELECT FROM seats.claims c WHERE c.stock_no = s.no AND c.hold_id IS NOT NULL)
         OR EXISTS (SELECT FROM seats.holds h WHERE h.stock_no = s.no))`,
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
           UPDATE seats.stock SET painting_version = $3
           WHERE show_id = $1 AND performance_id = $2 RETURNING no
         )
         UPDATE seats.claims c SET grade = get_byte($4::bytea, c.seat_no)
         FROM painted p WHERE c.stock_no = p.no`,
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
      performanceId: string;
      block: readonly { seatNo: number; gradeIndex: number }[];
      unblock: readonly number[];
    },
  ): Promise<{ outcome: 'done' } | { outcome: 'taken'; seatNos: number[] }> => {
    const taken = await callFunction<number[] | null>(tx, 'seats.block', {
      performance: change.performanceId,
      block_seats: change.block.map((seat) => seat.seatNo),
      block_grades: change.block.map((seat) => seat.gradeIndex),
      unblock_seats: change.unblock,
    });
    return taken === null ? { outcome: 'done' } : { outcome: 'taken', seatNos: taken };
  },
});

type SelectedHold = {
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
  order_id: string | null;
  fingerprint: string | null;
  now_at: Date;
};
const selectHolds = `
  SELECT h.id, s.show_id, s.performance_id, h.buyer_id, h.seat_nos, h.state, h.taken_at,
    h.deadline, h.ends_by, h.extended_at IS NOT NULL AS is_extended, h.order_id, h.fingerprint,
    clock_timestamp() AS now_at
  FROM seats.holds h JOIN seats.stock s ON s.no = h.stock_no`;
const readHoldRow = (row: SelectedHold): HoldRow => ({
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
  orderId: row.order_id,
  fingerprint: row.fingerprint,
  nowAt: row.now_at,
});
/** Holds that are listed: more than the limits of a buyer's performances of one week. */
const inHandMax = 100;

/** A seat that is not free, with its hold; nulls if it is blocked. */
type Claim = {
  seat_no: number;
  state: HoldRow['state'] | null;
  buyer_id: string | null;
  deadline_ms: number | null;
};

export const makeSeatStore = (db: Database) => ({
  /** Decides a batch of hold requests in one statement; see sql/take.sql. */
  take: async (
    requests: readonly TakeRequest[],
    times: { ttlMs: number; totalMaxMs: number },
  ): Promise<{ results: TakeResult[]; deltas: Deltas }> => {
    const { results, deltas } = await callFunction<TakeAnswer>(db, 'seats.take', {
      calls: JSON.stringify(requests.map(writeTake)),
      ttl: milliseconds(times.ttlMs),
      total: milliseconds(times.totalMaxMs),
    });
    return { results: results.map(readTaken), deltas };
  },

  release: (holds: readonly ReleaseRequest[]): Promise<ReleaseAnswer> =>
    callFunction(db, 'seats.release', { calls: JSON.stringify(holds) }),

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

  /**
   * Sends changes to all processes, in a transaction that does not wait for the disk: nothing is
   * lost with it but the notification. See sql/notify-changes.sql.
   */
  notifyChanges: async (deltas: Deltas): Promise<void> => {
    await db.query(
      `SELECT set_config('synchronous_commit', 'off', true), seats.notify_changes($1)`,
      [JSON.stringify(deltas)],
    );
  },

  /** The present version of each performance's seats. */
  versions: async (performanceIds: readonly string[]): Promise<Map<string, number>> => {
    const found = await db.query<{ performance_id: string; version: number }>(
      'SELECT performance_id, version FROM seats.stock WHERE performance_id = ANY ($1)',
      [performanceIds],
    );
    return new Map(found.map((row) => [row.performance_id, row.version]));
  },

  /** In the order of the ids; null for those that do not exist. */
  holds: async (holdIds: readonly string[]): Promise<(HoldRow | null)[]> => {
    const found = await db.query<SelectedHold>(`${selectHolds} WHERE h.id = ANY ($1)`, [holdIds]);
    const holds = new Map(found.map((row) => [row.id, readHoldRow(row)]));
    return holdIds.map((id) => holds.get(id) ?? null);
  },

  /** What a buyer has in hand, newest first: held or being paid now. null: of all performances. */
  holdsInHand: async (buyerId: string, performanceId: string | null): Promise<HoldRow[]> => {
    const found = await db.query<SelectedHold>(
      `${selectHolds} WHERE h.buyer_id = $1 AND ($2::text IS NULL OR s.performance_id = $2)
         AND (h.state = 'PAYING' OR (h.state = 'ACTIVE' AND h.deadline > clock_timestamp()))
       ORDER BY h.taken_at DESC, h.id DESC LIMIT $3`,
      [buyerId, performanceId, inHandMax],
    );
    return found.map(readHoldRow);
  },

  /** The buyer's hold that has one of the seats, held, being paid or paid; null: none has. */
  holdOfSeats: async (
    buyerId: string,
    performanceId: string,
    seatNos: readonly number[],
  ): Promise<HoldRow | null> => {
    const [found] = await db.query<SelectedHold>(
      `${selectHolds} WHERE h.buyer_id = $1 AND s.performance_id = $2 AND h.seat_nos && $3
         AND (h.state IN ('PAYING', 'SOLD')
           OR (h.state = 'ACTIVE' AND h.deadline > clock_timestamp()))
       ORDER BY h.taken_at DESC LIMIT 1`,
      [buyerId, performanceId, seatNos],
    );
    return found === undefined ? null : readHoldRow(found);
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
         SELECT json_agg(json_build_object('seat_no', c.seat_no, 'state', h.state,
           'buyer_id', h.buyer_id, 'deadline_ms', CASE WHEN h.state = 'ACTIVE'
             THEN floor(extract(epoch FROM h.deadline) * 1000) END))
         FROM seats.claims c LEFT JOIN seats.holds h ON h.id = c.hold_id
         WHERE c.stock_no = s.no) AS claims
       FROM seats.stock s WHERE s.performance_id = $1`,
      [performanceId],
    );
    if (row === undefined) return null;
    return {
      version: row.version,
      seatCount: row.seat_count,
      claims: (row.claims ?? []).map((claim) => ({
        seatNo: claim.seat_no,
        state: readShownState(claim.state),
        holder: claim.buyer_id === null ? '' : holderMark(claim.buyer_id),
        deadlineMs: claim.deadline_ms,
      })),
    };
  },
});
export type SeatStore = ReturnType<typeof makeSeatStore>;

import type { Sql } from '../../platform/postgres/sql.ts';
import type { TakenSeats } from './cache.ts';

/** What the catalogue needs from the seats, which belong to another service. */
export type Stock = {
  /** Opens performances for sale, or changes their window, limit and rule. */
  open(
    tx: Sql,
    performances: readonly {
      showId: string;
      performanceId: string;
      seatCount: number;
      saleOpensAt: Date;
      saleClosesAt: Date;
      buyerLimit: number;
      refusesStranding: boolean;
      /** The grades of claims are indexes into this painting. */
      paintingVersion: string;
    }[],
  ): Promise<void>;
  /** Until the transaction ends, nobody can hold a seat of these performances. */
  lock(tx: Sql, showId: string, performanceIds: readonly string[]): Promise<void>;
  /** The performances in which a seat was ever held, even by a hold that has ended. */
  held(sql: Sql, showId: string, performanceIds: readonly string[]): Promise<Set<string>>;
  /** Gives performances without holds another painting; `grades` has one for each seat. */
  repaint(tx: Sql, showId: string, performances: readonly Repainting[]): Promise<void>;
  taken(showId: string): Promise<TakenSeats>;
  full(showIds: readonly string[]): Promise<ReadonlySet<string>>;
  block(
    tx: Sql,
    change: {
      showId: string;
      performanceId: string;
      block: readonly { seatNo: number; gradeIndex: number }[];
      unblock: readonly number[];
    },
  ): Promise<{ outcome: 'done' } | { outcome: 'taken'; seatNos: number[] }>;
};

type Repainting = {
  readonly performanceId: string;
  readonly paintingVersion: string;
  readonly grades: Uint8Array;
};

import { makeAttemptId } from '@usher/domain/ids.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import { makeOrderStore } from '../../server/src/services/orders/store.ts';
import { makePaymentStore } from '../../server/src/services/payments/store.ts';
import { makeSeatStock, makeSeatStore } from '../../server/src/services/seats/store.ts';

const ids = makeIds(systemClock);
const dayMs = 86_400_000;
const times = { ttlMs: 420_000, totalMaxMs: 900_000 };
const answer = { code: null, transaction: 'tx', secret: null, refusal: null };
const approved = { ...answer, outcome: 'APPROVED' as const };

/** A seat as an order keeps it, with names as short as they can be. */
const sellSeat = (seatNo: number) => {
  const seat = {
    seatNo,
    section: { ko: 'A', en: 'A' },
    row: '1',
    label: '1',
    mark: null,
    grade: 'VIP',
    gradeName: { ko: 'VIP석', en: 'VIP' },
  };
  return { seatNo, grade: 'VIP', seat, priceMinor: 1000, feeMinor: 0 };
};

/**
 * Purchases on the database alone: the four steps of each, by the functions that the cycle of a
 * process calls. For tests that count what PostgreSQL reads and writes.
 */
export const openPurchases = async (db: Database) => {
  const sale = { showId: ids.make('show'), performanceId: ids.make('performance') };
  const now = systemClock.nowMs();
  await makeSeatStock(db).open(db, [
    {
      ...sale,
      seatCount: 20_000,
      paintingVersion: 'painting',
      buyerLimit: 4,
      refusesStranding: false,
      saleOpensAt: new Date(now - dayMs),
      saleClosesAt: new Date(now + dayMs),
    },
  ]);
  let nextSeat = 0;

  /** One purchase for each number of seats, each step as one batch. Throws on a refusal. */
  return async (seatCounts: readonly number[]): Promise<void> => {
    const asked = seatCounts.map((count) => {
      const seatNos = Array.from({ length: count }, () => nextSeat++);
      const orderId = ids.make('order');
      const attemptId = makeAttemptId(orderId, 1);
      const buyerId = ids.make('account');
      const totalMinor = 1000 * count;
      const who = { buyerId, requestId: 'purchase' };
      return { ...sale, ...who, holdId: ids.make('hold'), seatNos, orderId, attemptId, totalMinor };
    });
    const holds = await makeSeatStore(db).take(
      asked.map((each) => ({
        ...each,
        windows: [each.seatNos],
        grades: each.seatNos.map(() => 0),
        checks: null,
        paintingVersion: 'painting',
        fingerprint: 'wish',
      })),
      times,
    );
    const orders = await makeOrderStore(db).place(
      asked.map((each) => ({
        ...each,
        currency: 'KRW' as const,
        paintingVersion: 'painting',
        items: each.seatNos.map(sellSeat),
        category: 'MUSICAL',
        ladder: 'operator',
      })),
      times.ttlMs,
    );
    const payments = makePaymentStore(db);
    const begun = await payments.begin(
      asked.map(({ attemptId, buyerId, requestId, totalMinor }) => ({
        attemptId,
        buyerId,
        requestId,
        amountMinor: totalMinor,
        paymentKey: `pay ${attemptId}`,
        key: ids.secret(),
        provider: 'toss',
      })),
    );
    const settled = await payments.settle(
      asked.map(({ attemptId, performanceId }) => ({ attemptId, performanceId, answer: approved })),
    );
    const done =
      holds.results.every(({ outcome }) => outcome === 'held') &&
      orders.every(({ outcome }) => outcome === 'placed') &&
      begun.every(({ outcome }) => outcome === 'begun') &&
      settled.results.every((isSettled) => isSettled);
    if (!done) throw new Error('assertion failed: every purchase goes through');
  };
};

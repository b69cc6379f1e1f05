import { compileLayout, type Layout } from '@usher/domain/layout.ts';
import { strandedChecks } from '@usher/domain/stranded.ts';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import {
  makeOrderStore,
  type PlaceRequest,
  type PlaceResult,
} from '../../server/src/services/orders/store.ts';
import { makePaymentStore, type Settlement } from '../../server/src/services/payments/store.ts';
import {
  type Deltas,
  makeSeatStock,
  makeSeatStore,
  type TakeRequest,
  type TakeResult,
} from '../../server/src/services/seats/store.ts';
import { sampleHouse } from '../support/sample-house.ts';
import {
  type CallKind,
  type Calls,
  countSeats,
  describeWish,
  feeMinor,
  type House,
  holdHours,
  holdHoursMax,
  makeAttemptName,
  type Painting,
  type Performance,
  type PlainStep,
  priceSeats,
  prices,
  type Result,
  readGrade,
} from './calls.ts';
import { passTime } from './database-view.ts';
import { sweptMax } from './history.ts';
import type { Words } from './words.ts';

/**
 * The booking functions of a database, called in the words of calls.ts: the only file of the
 * reference tests that knows their parameters. The tables are in database-view.ts.
 */

const hourMs = 3_600_000;
const times = { ttlMs: holdHours * hourMs, totalMaxMs: holdHoursMax * hourMs };
const requestId = 'history';
/** With two holds a round, more than the holds of a history that are being paid for at a time. */
const emptyRoundsMax = 6;

/** What a step answers its callers. */
export type Done = {
  results: readonly Result[];
  /** The changes of the seats that the callers receive; null: they receive none. */
  deltas: Deltas | null;
};
type Act<Kind extends CallKind> = (calls: readonly Calls[Kind][]) => Promise<Done>;

/** Calls that no program sends together: one after the other. */
const oneByOne =
  <Call>(act: (call: Call) => Promise<{ result: Result; deltas: Deltas | null }>) =>
  async (calls: readonly Call[]): Promise<Done> => {
    const results: Result[] = [];
    let deltas: Deltas | null = [];
    for (const call of calls) {
      const done = await act(call);
      results.push(done.result);
      deltas = deltas === null || done.deltas === null ? null : [...deltas, ...done.deltas];
    }
    return { results, deltas };
  };

/** Batches without repeats: a call whose key is in the batch already begins the next one. */
const splitRepeats = <Call>(calls: readonly Call[], readKey: (call: Call) => string): Call[][] => {
  const batches: Call[][] = [];
  let batch = new Map<string, Call>();
  for (const call of calls) {
    if (batch.has(readKey(call))) {
      batches.push([...batch.values()]);
      batch = new Map();
    }
    batch.set(readKey(call), call);
  }
  return [...batches, [...batch.values()]];
};

const toTaken = (result: TakeResult, { toHours }: Words): Result => {
  if (result.outcome === 'held') {
    const { outcome, seatNos, deadlineAt, endsBy } = result;
    return { outcome, seats: seatNos, deadline: toHours(deadlineAt), endsBy: toHours(endsBy) };
  }
  if (!('conflicts' in result)) return { outcome: result.outcome };
  const conflicts = [...new Set(result.conflicts)].sort((a, b) => a - b);
  return { outcome: result.outcome, conflicts };
};

const makeSeatActs = (db: Database, house: House, words: Words) => {
  const { toId } = words;
  const store = makeSeatStore(db);
  const stock = makeSeatStock(db);
  const layouts = new Map<string, Layout>(
    house.map((each) => [each.id, compileLayout(sampleHouse([each.stretches]))]),
  );
  const findPerformance = (id: string): Performance => {
    const found = house.find((each) => each.id === id);
    if (found === undefined) throw new Error(`${id} is not in the house`);
    return found;
  };
  const readPainting = async (performance: string): Promise<Painting> => {
    const [row] = await db.query<{ painting: Painting }>(
      'SELECT painting_version AS painting FROM seats.stock WHERE performance_id = $1',
      [toId(performance)],
    );
    return row?.painting ?? '';
  };
  const toTakeRequest = (call: Calls['take']): TakeRequest => {
    const { hold, buyer, performance, windows, painting } = call;
    const found = house.find((each) => each.id === performance);
    const layout = layouts.get(performance);
    const checks = layout && windows.map((window) => strandedChecks(layout, window));
    return {
      holdId: toId(hold),
      buyerId: toId(buyer),
      performanceId: toId(performance),
      windows,
      grades: (windows[0] ?? []).map((seat) => readGrade(painting, seat)),
      checks: found?.refusesStranding ? (checks ?? null) : null,
      requestId,
      paintingVersion: painting,
      fingerprint: describeWish(call),
    };
  };

  return {
    take: async (calls: readonly Calls['take'][]): Promise<Done> => {
      const { results, deltas } = await store.take(calls.map(toTakeRequest), times);
      return { results: results.map((result) => toTaken(result, words)), deltas };
    },
    release: async (calls: readonly Calls['release'][]): Promise<Done> => {
      const releases = calls.map(({ hold, buyer }) => {
        return { holdId: toId(hold), performanceId: '', buyerId: toId(buyer), requestId };
      });
      const { results, deltas } = await store.release(releases);
      return { results: results.map((outcome) => ({ outcome })), deltas };
    },
    extend: async ({ hold, buyer }: Calls['extend']) => ({
      result: { outcome: await store.extend(toId(hold), toId(buyer), times.ttlMs) },
      deltas: [],
    }),
    lapse: async (holdsMax: number): Promise<Done> => {
      let lapsed = 0;
      const deltas: Deltas[number][] = [];
      // A round may look only at holds that are being paid for.
      for (let emptyRounds = 0; emptyRounds < emptyRoundsMax; ) {
        const round = await store.lapse(holdsMax);
        lapsed += round.lapsed;
        deltas.push(...round.deltas);
        emptyRounds = round.lapsed === 0 ? emptyRounds + 1 : 0;
        if (holdsMax >= sweptMax) break;
      }
      return { results: [{ outcome: 'done', lapsed }], deltas };
    },
    /** The processes receive the change, not the caller. */
    block: async ({ performance, block, unblock }: Calls['block']) => {
      const painting = await readPainting(performance);
      const done = await stock.block(db, {
        performanceId: toId(performance),
        block: block.map((seatNo) => ({ seatNo, gradeIndex: readGrade(painting, seatNo) })),
        unblock,
      });
      const { outcome } = done;
      return {
        result: outcome === 'taken' ? { outcome, seats: done.seatNos } : done,
        deltas: null,
      };
    },
    repaint: async ({ performance, painting }: Calls['repaint']) => {
      const showId = toId(findPerformance(performance).showId);
      const performanceId = toId(performance);
      const outcome = await db.transaction(async (tx) => {
        await stock.lock(tx, showId, [performanceId]);
        const held = await stock.held(tx, showId, [performanceId]);
        if (held.size > 0) return 'fixed';
        const grades = Uint8Array.from(painting, Number);
        await stock.repaint(tx, showId, [{ performanceId, paintingVersion: painting, grades }]);
        return 'painted';
      });
      return { result: { outcome }, deltas: [] };
    },
  };
};

const makeItems = ({ painting, seats }: Calls['place']): PlaceRequest['items'] =>
  seats.map((seatNo) => {
    const grade = String(readGrade(painting, seatNo));
    const section = { ko: '1층', en: 'Stalls' };
    const gradeName = { ko: grade, en: grade };
    const label = String(seatNo + 1);
    return {
      seatNo,
      grade,
      seat: { seatNo, section, row: '1', label, mark: null, grade, gradeName },
      priceMinor: prices[Number(grade)] ?? 0,
      feeMinor,
    };
  });

const makeOrderActs = (db: Database, { toId, toName, toHours }: Words) => {
  const store = makeOrderStore(db);
  /** The program reads from memory what never changes about a hold. */
  const readPlace = async (hold: string): Promise<{ showId: string; performanceId: string }> => {
    const [row] = await db.query<{ showId: string; performanceId: string }>(
      `SELECT s.show_id AS "showId", s.performance_id AS "performanceId"
       FROM seats.holds h JOIN seats.stock s ON s.no = h.stock_no WHERE h.id = $1`,
      [toId(hold)],
    );
    return row ?? { showId: '', performanceId: '' };
  };
  const makePlaceRequest = async (call: Calls['place']): Promise<PlaceRequest> => ({
    ...(await readPlace(call.hold)),
    currency: 'KRW',
    orderId: toId(call.order),
    holdId: toId(call.hold),
    buyerId: toId(call.buyer),
    paintingVersion: call.painting,
    totalMinor: priceSeats(call.painting, call.seats),
    category: 'MUSICAL',
    ladder: 'operator',
    requestId,
    items: makeItems(call),
  });
  const readHoldOrder = async (hold: string): Promise<string> => {
    const [row] = await db.query<{ order_id: string }>(
      'SELECT order_id FROM seats.holds WHERE id = $1',
      [toId(hold)],
    );
    return row?.order_id ?? '';
  };
  const toPlaced = async (call: Calls['place'], result: PlaceResult): Promise<Result> => {
    const { outcome } = result;
    if (outcome === 'placed') {
      const { isRepeat, deadlineAt } = result;
      return { outcome, isRepeat, deadline: toHours(deadlineAt) };
    }
    if (outcome !== 'has-order') return { outcome };
    // An order that won in the same statement is not named.
    return { outcome, order: toName(result.openOrder ?? (await readHoldOrder(call.hold))) };
  };

  return {
    place: async (calls: readonly Calls['place'][]): Promise<Done> => {
      const requests: PlaceRequest[] = [];
      for (const call of calls) requests.push(await makePlaceRequest(call));
      const placed = await store.place(requests, times.ttlMs);
      const results: Result[] = [];
      for (const [i, call] of calls.entries()) {
        const result = placed[i];
        if (result !== undefined) results.push(await toPlaced(call, result));
      }
      return { results, deltas: [] };
    },
    cancel: async ({ order, buyer }: Calls['cancel']) => {
      const { outcome, deltas } = await store.cancel(toId(order), toId(buyer), requestId);
      return { result: { outcome }, deltas };
    },
  };
};

const makePaymentActs = (db: Database, { toId, toName }: Words) => {
  const store = makePaymentStore(db);
  const makeSettlement = ({ attempt, answer: outcome, code }: Calls['settle']): Settlement => {
    const isApproved = outcome === 'APPROVED';
    const transaction = isApproved ? `transaction of ${attempt}` : null;
    const refusal = isApproved ? null : ('declined' as const);
    const answer = { outcome, code, transaction, secret: null, refusal };
    return { attemptId: toId(attempt), performanceId: '', answer };
  };

  return {
    openAttempt: async ({ order, buyer }: Calls['open-attempt']) => {
      const opened = await store.openAttempt(toId(order), toId(buyer));
      const { outcome } = opened;
      const result: Result =
        outcome === 'opened'
          ? { outcome, attempt: makeAttemptName(order, opened.attemptNo) }
          : { outcome };
      return { result, deltas: [] };
    },
    begin: async (calls: readonly Calls['begin'][]): Promise<Done> => {
      const results: Result[] = [];
      // A payment's key that comes twice in a statement fails it; the cycle sends them singly then.
      for (const batch of splitRepeats(calls, ({ paymentKey }) => paymentKey)) {
        const begun = await store.begin(
          batch.map(({ attempt, buyer, amountMinor, paymentKey }) => ({
            attemptId: toId(attempt),
            buyerId: toId(buyer),
            amountMinor,
            paymentKey: toId(paymentKey),
            key: `key of ${toId(attempt)}`,
            provider: 'toss',
            requestId,
          })),
        );
        for (const { outcome, orderId, amountMinor } of begun)
          results.push(
            outcome === 'begun' ? { outcome, order: toName(orderId), amountMinor } : { outcome },
          );
      }
      return { results, deltas: [] };
    },
    settle: async (calls: readonly Calls['settle'][]): Promise<Done> => {
      const { results, deltas } = await store.settle(calls.map(makeSettlement));
      const told = results.map((isSettled) => ({ outcome: isSettled ? 'settled' : 'unchanged' }));
      return { results: told, deltas };
    },
    markUnknown: async (calls: readonly Calls['mark-unknown'][]): Promise<Done> => {
      const unknowns = calls.map(({ attempt, code }) => ({ attemptId: toId(attempt), code }));
      await store.markUnknown(unknowns);
      return { results: calls.map(() => ({ outcome: 'done' })), deltas: [] };
    },
  };
};

/** Makes the calls of a step on one connection. */
export const makeActor = (db: Database, house: House, words: Words) => {
  const seats = makeSeatActs(db, house, words);
  const orders = makeOrderActs(db, words);
  const payments = makePaymentActs(db, words);
  const acts: { readonly [Kind in CallKind]: Act<Kind> } = {
    take: seats.take,
    release: seats.release,
    extend: oneByOne(seats.extend),
    block: oneByOne(seats.block),
    repaint: oneByOne(seats.repaint),
    place: orders.place,
    cancel: oneByOne(orders.cancel),
    'open-attempt': oneByOne(payments.openAttempt),
    begin: payments.begin,
    settle: payments.settle,
    'mark-unknown': payments.markUnknown,
  };
  const store = makeSeatStore(db);
  /** What a program does with the changes that it has committed. */
  const notify = async (done: Done): Promise<Done> => {
    if (done.deltas !== null && done.deltas.length > 0) await store.notifyChanges(done.deltas);
    return done;
  };
  return async (step: PlainStep): Promise<Done> => {
    if (step.kind === 'lapse') return notify(await seats.lapse(step.holdsMax));
    if (step.kind === 'pass-time') {
      await passTime(db, words, step.hours);
      words.notePassed(step.hours);
      return { results: [], deltas: [] };
    }
    // Kind and calls belong together, which the compiler cannot follow through the table.
    return notify(await (acts[step.kind] as Act<CallKind>)(step.calls));
  };
};
export type Actor = ReturnType<typeof makeActor>;

/** Opens the performances of a house for sale. */
export const openSales = (db: Database, house: House, words: Words): Promise<void> =>
  makeSeatStock(db).open(
    db,
    house.map((each) => ({
      showId: words.toId(each.showId),
      performanceId: words.toId(each.id),
      seatCount: countSeats(each),
      saleOpensAt: words.toInstant(each.opensAt),
      saleClosesAt: words.toInstant(each.closesAt),
      buyerLimit: each.buyerLimit,
      refusesStranding: each.refusesStranding,
      paintingVersion: each.painting,
    })),
  );

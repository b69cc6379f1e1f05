import { isDeepStrictEqual } from 'node:util';
import { compileLayout, type Layout } from '@usher/domain/layout.ts';
import { strandedChecks } from '@usher/domain/stranded.ts';
import pg from 'pg';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import {
  makeOrderStore,
  type PlaceRequest,
  type PlaceResult,
} from '../../server/src/services/orders/store.ts';
import { makePaymentStore } from '../../server/src/services/payments/store.ts';
import {
  type Deltas,
  makeSeatStock,
  makeSeatStore,
  type TakeRequest,
  type TakeResult,
} from '../../server/src/services/seats/store.ts';
import { sampleHouse } from '../support/sample-house.ts';
import { until } from '../support/until.ts';
import {
  type CallKind,
  type Calls,
  countSeats,
  type Delta,
  describeWish,
  feeMinor,
  type Gate,
  type House,
  holdHours,
  holdHoursMax,
  type Painting,
  type Performance,
  type PlainStep,
  priceSeats,
  prices,
  type Result,
  readGrade,
  type View,
} from './calls.ts';
import { readView, type Words } from './database-view.ts';

/**
 * The booking functions of a database, called in the words of calls.ts: the only file of the
 * reference tests that knows their parameters. The database's clock cannot be moved, so passing
 * time moves every instant of a history back instead. A history counts hours and lasts seconds, so
 * that the time which the calls themselves take decides nothing.
 */

const hourMs = 3_600_000;
const times = { ttlMs: holdHours * hourMs, totalMaxMs: holdHoursMax * hourMs };
const terms = { currency: 'KRW', provider: 'toss', ttlMs: times.ttlMs };
const requestId = 'history';

/** What a step answers its callers, in the words of the history. */
type Done = {
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
  const { add } = words;
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
      [add(performance)],
    );
    return row?.painting ?? '';
  };
  const toTakeRequest = (call: Calls['take']): TakeRequest => {
    const { hold, buyer, performance, windows, painting } = call;
    const found = house.find((each) => each.id === performance);
    const layout = layouts.get(performance);
    const checks = layout && windows.map((window) => strandedChecks(layout, window));
    return {
      holdId: add(hold),
      buyerId: add(buyer),
      showId: add(found?.showId ?? performance),
      performanceId: add(performance),
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
        return { holdId: add(hold), buyerId: add(buyer), requestId };
      });
      const { results, deltas } = await store.release(releases);
      return { results: results.map((outcome) => ({ outcome })), deltas };
    },
    extend: async ({ hold, buyer }: Calls['extend']) => ({
      result: { outcome: await store.extend(add(hold), add(buyer), times.ttlMs) },
      deltas: [],
    }),
    lapse: async (): Promise<Done> => {
      const { lapsed, deltas } = await store.lapse(1000);
      return { results: [{ outcome: 'done', lapsed }], deltas };
    },
    /** The processes receive the change, not the caller. */
    block: async ({ performance, block, unblock }: Calls['block']) => {
      const { showId } = findPerformance(performance);
      const painting = await readPainting(performance);
      const done = await stock.block(db, {
        showId: add(showId),
        performanceId: add(performance),
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
      const showId = add(findPerformance(performance).showId);
      const performanceId = add(performance);
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

const makeOrderActs = (db: Database, { add, drop, toHours }: Words) => {
  const store = makeOrderStore(db);
  const toPlaceRequest = (call: Calls['place']): PlaceRequest => ({
    orderId: add(call.order),
    attemptId: add(call.attempt),
    attemptKey: `key of ${add(call.attempt)}`,
    holdId: add(call.hold),
    buyerId: add(call.buyer),
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
      [add(hold)],
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
    return { outcome, order: drop(result.openOrder ?? (await readHoldOrder(call.hold))) };
  };

  return {
    place: async (calls: readonly Calls['place'][]): Promise<Done> => {
      const placed = await store.place(calls.map(toPlaceRequest), terms);
      const results: Result[] = [];
      for (const [i, call] of calls.entries()) {
        const result = placed[i];
        if (result !== undefined) results.push(await toPlaced(call, result));
      }
      return { results, deltas: [] };
    },
    cancel: async ({ order, buyer }: Calls['cancel']) => {
      const { outcome, deltas } = await store.cancel(add(order), add(buyer), requestId);
      return { result: { outcome }, deltas };
    },
  };
};

const makePaymentActs = (db: Database, { add, drop }: Words) => {
  const store = makePaymentStore(db);
  const answer = async (batch: readonly Calls['settle'][]) => {
    const answers = batch.map(({ attempt, answer: outcome, code }) => {
      const isApproved = outcome === 'APPROVED';
      const transaction = isApproved ? `transaction of ${attempt}` : null;
      const refusal = isApproved ? null : ('declined' as const);
      const stored = { outcome, code, transaction, secret: null, refusal };
      return { attemptId: add(attempt), answer: stored };
    });
    await store.markAnswered(answers);
    const settlements = answers.map(({ attemptId, answer: stored }) => {
      const { outcome, code, transaction } = stored;
      return { attemptId, outcome, code, transaction };
    });
    return store.settle(settlements, 'payments');
  };

  return {
    openAttempt: async ({ order, buyer, attempt }: Calls['open-attempt']) => {
      const outcome = await store.openAttempt({
        orderId: add(order),
        buyerId: add(buyer),
        attemptId: add(attempt),
        key: `key of ${add(attempt)}`,
        provider: terms.provider,
        requestId,
      });
      return { result: { outcome }, deltas: [] };
    },
    begin: async (calls: readonly Calls['begin'][]): Promise<Done> => {
      const begun = await store.begin(
        calls.map(({ attempt, buyer, amountMinor, paymentKey }) => ({
          attemptId: add(attempt),
          buyerId: add(buyer),
          amountMinor,
          paymentKey: add(paymentKey),
          requestId,
        })),
      );
      const results = begun.map(({ outcome, orderId, amountMinor }) =>
        outcome === 'begun' ? { outcome, order: drop(orderId), amountMinor } : { outcome },
      );
      // What a program does before it calls the provider.
      const sending = calls.filter((_, i) => begun[i]?.outcome === 'begun');
      await store.markSent(sending.map(({ attempt }) => add(attempt)));
      return { results, deltas: [] };
    },
    settle: async (calls: readonly Calls['settle'][]): Promise<Done> => {
      const results: Result[] = [];
      const deltas: Deltas[number][] = [];
      // An attempt that is approved twice in one statement fails it: its capture is unique.
      for (const batch of splitRepeats(calls, ({ attempt }) => attempt)) {
        const done = await answer(batch);
        const settled = new Set(done.settled);
        for (const { attempt } of batch)
          results.push({ outcome: settled.has(add(attempt)) ? 'settled' : 'unchanged' });
        deltas.push(...done.deltas);
      }
      return { results, deltas };
    },
    markUnknown: async (calls: readonly Calls['mark-unknown'][]): Promise<Done> => {
      const unknowns = calls.map(({ attempt, code }) => ({ attemptId: add(attempt), code }));
      await store.markUnknown(unknowns, 'payments');
      return { results: calls.map(() => ({ outcome: 'done' })), deltas: [] };
    },
  };
};

/** Every instant of the history is so many hours longer ago. No state changes. */
const passTime = async (db: Database, showIds: readonly string[], hours: number): Promise<void> => {
  await db.query(
    `WITH stock AS (
       UPDATE seats.stock SET sale_opens_at = sale_opens_at - $2::interval,
         sale_closes_at = sale_closes_at - $2::interval WHERE show_id = ANY ($1)
     ), holds AS (
       UPDATE seats.holds SET taken_at = taken_at - $2::interval,
         deadline = deadline - $2::interval, ends_by = ends_by - $2::interval
       WHERE show_id = ANY ($1)
     ), claims AS (
       UPDATE seats.claims SET deadline = deadline - $2::interval WHERE show_id = ANY ($1)
     )
     UPDATE orders.orders SET deadline = deadline - $2::interval WHERE show_id = ANY ($1)`,
    [showIds, `${hours} hours`],
  );
};

/** Makes the calls of a step on one connection. */
const makeActor = (db: Database, house: House, words: Words & { passed(hours: number): void }) => {
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
  return async (step: PlainStep): Promise<Done> => {
    if (step.kind === 'lapse') return seats.lapse();
    if (step.kind === 'pass-time') {
      await passTime(db, words.showIds, step.hours);
      words.passed(step.hours);
      return { results: [], deltas: [] };
    }
    // Kind and calls belong together, which the compiler cannot follow through the table.
    return (acts[step.kind] as Act<CallKind>)(step.calls);
  };
};
type Actor = ReturnType<typeof makeActor>;

const connect = async (url: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const query = async <Row>(text: string, params: readonly unknown[] = []) =>
    (await client.query(text, [...params])).rows as Row[];
  const [backend] = await query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const db: Database = {
    query,
    transaction: async (work) => {
      await client.query('BEGIN');
      try {
        const result = await work({ query });
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    },
    close: () => client.end(),
  };
  return { client, db, pid: backend?.pid ?? 0 };
};
type Connection = Awaited<ReturnType<typeof connect>>;

const gateTables: Readonly<Record<Gate, string | null>> = {
  none: null,
  stock: 'seats.stock',
  holds: 'seats.holds',
  orders: 'orders.orders',
  attempts: 'payments.attempts',
};

const quickTries = 30;

/**
 * Runs both at the same time. At a gate, all rows of one table are locked until each of them waits
 * for a lock or has ended: what either read before its lock is old when it gets it.
 */
const runTogether = async (
  keeper: Connection,
  pids: readonly number[],
  gate: { table: string | null; showIds: readonly string[] },
  works: readonly [() => Promise<Done>, () => Promise<Done>],
): Promise<[Done, Done]> => {
  if (gate.table === null) return Promise.all([works[0](), works[1]()]);
  let ended = 0;
  const running = await keeper.db.transaction(async (tx) => {
    await tx.query(`SELECT FROM ${gate.table} WHERE show_id = ANY ($1) FOR UPDATE`, [gate.showIds]);
    const both = works.map((work) =>
      work().finally(() => {
        ended += 1;
      }),
    );
    for (const each of both)
      each.catch(() => {
        // It is thrown below, where both are awaited.
      });
    const isStopped = async (): Promise<boolean> => {
      const waiting = await tx.query(
        `SELECT FROM pg_stat_activity WHERE pid = ANY ($1) AND wait_event_type = 'Lock'`,
        [pids],
      );
      return waiting.length + ended >= works.length;
    };
    await until('both calls wait or have ended', async () => {
      // Usually within a millisecond, much sooner than `until` asks again.
      for (let tries = 0; tries < quickTries; tries++) if (await isStopped()) return true;
      return false;
    });
    return both;
  });
  const [first, second] = await Promise.all(running);
  if (first === undefined || second === undefined) throw new Error('two works have two results');
  return [first, second];
};

/** Between the words of a history and those of the database, whose ids have a prefix. */
const makeWords = (prefix: string, house: House, beginMs: number) => {
  let passedMs = 0;
  return {
    showIds: [...new Set(house.map((each) => prefix + each.showId))],
    add: (id: string): string => prefix + id,
    drop: (id: string): string => {
      if (!id.startsWith(prefix)) throw new Error(`${id} is not of ${prefix}`);
      return id.slice(prefix.length);
    },
    toHours: (at: Date | string): number =>
      Math.floor((new Date(at).getTime() + passedMs - beginMs) / hourMs),
    passed: (hours: number): void => {
      passedMs += hours * hourMs;
    },
  };
};

const openSales = (db: Database, house: House, { add }: Words, beginMs: number): Promise<void> =>
  makeSeatStock(db).open(
    db,
    house.map((each) => ({
      showId: add(each.showId),
      performanceId: add(each.id),
      seatCount: countSeats(each),
      saleOpensAt: new Date(beginMs + each.opensAt * hourMs),
      saleClosesAt: new Date(beginMs + each.closesAt * hourMs),
      buyerLimit: each.buyerLimit,
      refusesStranding: each.refusesStranding,
      paintingVersion: each.painting,
    })),
  );

type Answer = { results: readonly Result[] };

/**
 * Plays histories on a migrated database, one after another. No other program may use it. `main`
 * also receives what processes are told; `second` and `keeper` are for calls at the same time.
 */
export const openPlays = async (url: string) => {
  const [main, second, keeper] = [await connect(url), await connect(url), await connect(url)];
  const notified: Deltas[number][] = [];
  main.client.on('notification', ({ payload }) => {
    notified.push(JSON.parse(payload ?? '') as Deltas[number]);
  });
  await main.client.query('LISTEN seats_changed');
  const { db } = main;
  let played = 0;

  const start = async (house: House) => {
    played += 1;
    const [now] = await db.query<{ atMs: number; seq: number }>(
      `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "atMs",
         coalesce((SELECT max(seq) FROM platform.journal), 0)::integer AS seq`,
    );
    if (now === undefined) throw new Error('the database does not say what time it is');
    const words = makeWords(`history-${played}/`, house, now.atMs);
    await openSales(db, house, words, now.atMs);
    const actors: readonly [Actor, Actor] = [
      makeActor(db, house, words),
      makeActor(second.db, house, words),
    ];

    /** The last version of each performance that was received. */
    const seen = new Map<string, number>();

    const readVersions = async (): Promise<Map<string, number>> => {
      const found = await db.query<{ performance_id: string; version: number }>(
        'SELECT performance_id, version::integer FROM seats.stock WHERE show_id = ANY ($1)',
        [words.showIds],
      );
      return new Map(found.map((row) => [words.drop(row.performance_id), row.version]));
    };
    /** The deltas that all processes got, in the order of their versions. */
    const readNotified = (): Delta[] => {
      const deltas = notified.splice(0).map(({ performanceId, version, changes, holders }) => {
        return { performance: words.drop(performanceId), version, changes, holders };
      });
      deltas.sort((a, b) => a.version - b.version);
      for (const { performance, version } of deltas) seen.set(performance, version);
      return deltas;
    };
    const assertTold = (dones: readonly Done[]): void => {
      if (dones.some(({ deltas }) => deltas === null)) return;
      const byVersion = (deltas: Deltas): Deltas =>
        deltas.toSorted((a, b) =>
          a.performanceId === b.performanceId
            ? a.version - b.version
            : a.performanceId < b.performanceId
              ? -1
              : 1,
        );
      const callers = byVersion(dones.flatMap(({ deltas }) => deltas ?? []));
      if (isDeepStrictEqual(callers, byVersion(notified))) return;
      const told = JSON.stringify({ callers, processes: notified });
      throw new Error(`the callers receive other changes than the processes: ${told}`);
    };
    /** What another connection has committed is received with some later answer. */
    const awaitNotified = async (): Promise<void> => {
      await until('what was committed is received', async () => {
        const versions = await readVersions();
        const received = new Map(seen);
        for (const { performanceId, version } of notified)
          received.set(words.drop(performanceId), version);
        return [...versions].every(([id, version]) => (received.get(id) ?? 1) >= version);
      });
    };

    return {
      /**
       * Makes the calls of a step. Answers what their callers are told, and how every process is
       * told that the seats changed. Throws what the database throws.
       */
      apply: async (step: PlainStep): Promise<Answer & { deltas: Delta[] }> => {
        const done = await actors[0](step);
        assertTold([done]);
        return { results: done.results, deltas: readNotified() };
      },
      /** The same for two steps at the same time. */
      applyTogether: async (
        gate: Gate,
        steps: readonly [PlainStep, PlainStep],
      ): Promise<{ answers: readonly [Answer, Answer]; deltas: Delta[] }> => {
        const { showIds } = words;
        const answers = await runTogether(
          keeper,
          [main.pid, second.pid],
          { table: gateTables[gate], showIds },
          [() => actors[0](steps[0]), () => actors[1](steps[1])],
        );
        await awaitNotified();
        assertTold(answers);
        return { answers, deltas: readNotified() };
      },
      /** As if another process had meanwhile begun to pay for the same hold. */
      outdate: async (hold: string): Promise<void> => {
        await db.query(
          `WITH hold AS (
             UPDATE seats.holds SET fence = nextval('seats.fence') WHERE id = $1
             RETURNING id, fence)
           UPDATE seats.claims c SET fence = hold.fence FROM hold WHERE c.hold_id = hold.id`,
          [words.add(hold)],
        );
      },
      view: (): Promise<View> => readView(db, words, now.seq),
      /** The version of each performance's seats. */
      readVersions,
    };
  };

  return {
    db,
    /** Opens the performances of a house; the history's ids are new ones for the database. */
    start,
    close: async (): Promise<void> => {
      for (const each of [main, second, keeper]) await each.db.close();
    },
  };
};
export type Plays = Awaited<ReturnType<typeof openPlays>>;
export type Player = Awaited<ReturnType<Plays['start']>>;

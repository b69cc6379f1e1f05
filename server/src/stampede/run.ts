import { setMaxListeners } from 'node:events';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import { makeAccounts } from './accounts.ts';
import {
  checkMoney,
  checkOrders,
  checkSeatMap,
  doubleSold,
  liveTickets,
  readFinalOrders,
} from './audit.ts';
import { shop } from './buyer.ts';
import { type Caller, makeCaller, type Session } from './caller.ts';
import type { Buyer, Crowd, End, Sale } from './crowd.ts';
import type { HttpClient } from './http.ts';
import { makeNotes, type Notes } from './notes.ts';
import { inParallel } from './parallel.ts';
import type { Bar, Progress } from './progress.ts';
import { makeProvider } from './provider.ts';
import { makeRandom } from './random.ts';
import { makeReport, type Report } from './report.ts';
import { type Database, settle } from './settle.ts';
import { makeShowMaker } from './show.ts';
import { drawTemper } from './temper.ts';
import type { Options } from './words.ts';

type Run = {
  options: Options & { seed: number };
  url: string;
  organiser: { email: string; password: string };
  /** The server believes X-Forwarded-For: everybody calls from an address of their own. */
  isTrusting: boolean;
  database: Database | null;
  http: HttpClient;
  clock: Clock;
  ids: Ids;
  progress: Progress;
  signal: AbortSignal;
};

/** A password hash takes 20 ms of a core; more at once only wait in the server. */
const signUpsAtOnce = 32;

/** A whole on-sale against a running server: people come, fight, pay; then all is checked. */
export const runStampede = async (run: Run): Promise<Report> => {
  const { options, clock, http, signal, progress } = run;
  setMaxListeners(0, signal);
  const notes = makeNotes();
  const { patienceMs } = options;
  const caller = makeCaller({ http, origin: run.url, clock, notes, patienceMs });
  const { sale, sessions, signUpMs } = await prepare(run, caller, notes);
  const crowd: Crowd = {
    ...{ caller, http, clock, ids: run.ids, notes, sale, signal, patienceMs },
    size: options.buyers,
    pace: options.pace,
    provider: makeProvider(http, run.ids.make('attempt')),
  };
  const buyers = sessions.map((session, index) => makeBuyer(options.seed, index, session));
  const startMs = clock.monotonicMs();
  await open(run, crowd, buyers, startMs);
  if (signal.aborted) throw new Error('the run was stopped; nothing was checked');
  const saleMs = clock.monotonicMs() - startMs;
  progress.say('  waiting for what lapses, and for the outbox');
  const settled = await settle(crowd, buyers, run.database);
  const settlingMs = clock.monotonicMs() - startMs - saleMs;
  const durationMs = { signUp: round(signUpMs), sale: round(saleMs), settling: round(settlingMs) };
  return conclude(run, crowd, buyers, { ...settled, durationMs });
};

const round = (ms: number): number => Math.round(ms);

const makeBuyer = (seed: number, index: number, session: Session): Buyer => {
  const random = makeRandom(seed, index);
  return {
    ...{ index, session, random, temper: drawTemper(random) },
    doing: 'looking',
    end: null,
    orders: [],
    leftHeldUntilMs: null,
  };
};

/** The show and the people's accounts; sign-up is no part of the rush. */
const prepare = async (
  run: Run,
  caller: Caller,
  notes: Notes,
): Promise<{ sale: Sale; sessions: Session[]; signUpMs: number }> => {
  const { options, clock, ids, signal, progress } = run;
  const accounts = makeAccounts({ caller, clock, password: ids.secret(), signal });
  const organiser = await accounts.logIn({ ...run.organiser, address: null });
  const maker = makeShowMaker({ caller, organiser, clock, ids, signal });
  const sale = await maker.makeSale(await maker.makeVenue(options.seats));
  progress.say(`  on sale: ${options.seats} seats at ${run.url}, show ${sale.showId}`);

  const name = ids.make('event').slice(-12);
  const startMs = clock.monotonicMs();
  let done = 0;
  const bar = progress.begin(() => {
    const perS = (1000 * done) / Math.max(1, clock.monotonicMs() - startMs);
    const isSlowed = notes.retries['TOO_MANY_REQUESTS'] !== undefined;
    const note = `${perS.toFixed(0)}/s${isSlowed ? ', as fast as the server lets us' : ''}`;
    return [{ label: 'sign-up', done, total: options.buyers, note }];
  });
  try {
    const everybody = Array.from({ length: options.buyers }, (_, index) => index);
    const sessions = await inParallel(everybody, signUpsAtOnce, async (index) => {
      const email = `buyer-${index}@${name}.invalid`;
      const address = run.isTrusting ? addressOf(index) : null;
      const session = await accounts.signUp({ email, name: `관객 ${index + 1}`, address });
      done += 1;
      return session;
    });
    return { sale, sessions, signUpMs: clock.monotonicMs() - startMs };
  } finally {
    await bar.end();
  }
};

const addressOf = (index: number): string =>
  `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

/** The sale opens for everybody at once; ends when everybody has gone home. */
const open = async (
  run: Run,
  crowd: Crowd,
  buyers: readonly Buyer[],
  startMs: number,
): Promise<void> => {
  const bars = run.progress.begin(() => barsOf(crowd, buyers));
  try {
    await Promise.all(buyers.map((buyer) => shop(crowd, buyer, startMs)));
  } finally {
    await bars.end();
  }
};

const barsOf = (crowd: Crowd, buyers: readonly Buyer[]): Bar[] => {
  const doing = { looking: 0, holding: 0, paying: 0, gone: 0 };
  let sold = 0;
  for (const buyer of buyers) {
    doing[buyer.doing] += 1;
    for (const { told, tickets } of buyer.orders) if (told === 'paid') sold += tickets.length;
  }
  const { looking, holding, paying, gone } = doing;
  const refused = Object.values(crowd.notes.refusals).reduce((sum, count) => sum + count, 0);
  const note = `${looking} looking, ${holding} holding, ${paying} paying`;
  return [
    { label: 'seats sold', done: sold, total: crowd.sale.seatCount, note: `${refused} refusals` },
    { label: 'people done', done: gone, total: buyers.length, note },
  ];
};

const conclude = async (
  run: Run,
  crowd: Crowd,
  buyers: readonly Buyer[],
  settled: { isOutboxDrained: boolean; durationMs: Report['durationMs'] },
): Promise<Report> => {
  const { options, progress } = run;
  let read = 0;
  const total = buyers.reduce((sum, { orders }) => sum + orders.length, 0);
  const bar = progress.begin(() => [{ label: 'checking', done: read, total, note: 'orders read' }]);
  const orders = await readFinalOrders(crowd, buyers, () => {
    read += 1;
  }).finally(bar.end);
  const map = await checkSeatMap(crowd, orders);
  const money = checkMoney(await crowd.provider.money(), orders);
  const paid = orders.filter(({ state }) => state === 'PAID');
  const ends: Partial<Record<End, number>> = {};
  for (const { end } of buyers) if (end !== null) ends[end] = (ends[end] ?? 0) + 1;
  return makeReport({
    url: run.url,
    ...{ seed: options.seed, pace: options.pace, buyers: options.buyers, seats: options.seats },
    paidOrders: paid.length,
    ticketsIssued: liveTickets(orders).length,
    revenueWon: paid.reduce((sum, { record }) => sum + record.totalMinor, 0),
    seatsSold: map.sold,
    seatsHeld: map.held,
    doubleSold: doubleSold(orders).length,
    unknownPayments: orders.filter(({ state }) => /^(PAYING|UNKNOWN|STUCK)$/.test(state)).length,
    paidUntold: paid.filter(({ record }) => record.told === 'open').length,
    ends,
    ...settled,
    buyersChecks: [...checkOrders(orders), map.check, ...money.checks],
    sql: await askDatabase(run.database),
    notChecked: money.notChecked,
    notes: crowd.notes,
  });
};

const askDatabase = async (database: Database | null) =>
  database === null ? null : database.checkInvariants();

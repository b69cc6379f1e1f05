import { setMaxListeners } from 'node:events';
import { makeAccounts } from './accounts.ts';
import { lobbyLengthMs } from './arrivals.ts';
import {
  checkMoney,
  checkOrders,
  checkSeatMap,
  doubleSold,
  liveTickets,
  readFinalOrders,
} from './audit.ts';
import { shop } from './buyer.ts';
import { makeCaller } from './caller.ts';
import type { Clock } from './clock.ts';
import type { Buyer, Crowd, End, Room } from './crowd.ts';
import { checkDecisions, checkLateFirst, type RoomHistory } from './decision-audit.ts';
import { readPromise, readRecord } from './fairness.ts';
import type { HttpClient } from './http.ts';
import { makeNotes } from './notes.ts';
import type { LogIn, Options } from './options.ts';
import { gatherPeople, type MakeAccounts } from './people.ts';
import type { Bar, Progress } from './progress.ts';
import { makeProvider } from './provider.ts';
import { makeReport, type Report } from './report.ts';
import { openRoom, type RoomWatch, roomLimits, watchRoom } from './room.ts';
import { makeRoomReport } from './room-report.ts';
import { type Database, settle } from './settle.ts';
import { makeShowMaker } from './show.ts';
import type { Evening } from './timeline.ts';
import { makeWakes } from './wakes.ts';

type Run = {
  options: Options & { seed: number };
  url: string;
  organiser: LogIn;
  operator: LogIn;
  /** The server trusts X-Forwarded-For: everybody calls from a separate address. */
  isTrusting: boolean;
  /** null: everybody signs up over the API. */
  makeAccounts: MakeAccounts | null;
  /** How long the server waits for a claim. */
  claimWindowMs: number;
  database: Database | null;
  /** null: the room's own record cannot be read from here. */
  history: ((showId: string) => Promise<RoomHistory | null>) | null;
  http: HttpClient;
  clock: Clock;
  /** A fresh random text of letters, digits, `-` and `_`; 128 bits. */
  makeSecret: () => string;
  progress: Progress;
  signal: AbortSignal;
};

/** A whole on-sale against a running server: people come, wait, buy; then everything is checked. */
export const runStampede = async (run: Run): Promise<{ report: Report; evening: Evening }> => {
  const { clock, signal, progress } = run;
  setMaxListeners(0, signal);
  const { crowd, buyers, watch, promised, signUpMs } = await prepare(run);
  const startMs = clock.monotonicMs();
  try {
    await open(run, crowd, buyers, watch, startMs);
  } finally {
    await watch?.stop();
  }
  if (signal.aborted) throw new Error('the run was stopped; nothing was checked');
  const endMs = clock.monotonicMs();
  progress.say('  waiting for holds to expire, and for the events');
  const settled = await settle(crowd, buyers, run.database);
  const durationMs = {
    signUp: Math.round(signUpMs),
    sale: Math.round(endMs - startMs),
    settling: Math.round(clock.monotonicMs() - endMs),
  };
  const facts = { ...settled, durationMs, watch, promised };
  const report = await conclude(run, crowd, buyers, facts);
  const opensAtMs = crowd.room?.opensAtMs ?? startMs;
  return { report, evening: { buyers, samples: watch?.samples ?? [], startMs, opensAtMs, endMs } };
};

/** The people's accounts, the show and its room; sign-up is not part of the rush. */
const prepare = async (run: Run) => {
  const { options, clock, http, makeSecret, signal, progress } = run;
  const { patienceMs, hasRoom, seats, pace } = options;
  const notes = makeNotes();
  const caller = makeCaller({
    http,
    origin: run.url,
    clock,
    notes,
    patienceMs,
    makeKey: makeSecret,
  });
  const password = makeSecret();
  const accounts = makeAccounts({ caller, clock, password, signal });
  const organiser = await accounts.logIn({ ...run.organiser, address: null });
  const operator = hasRoom ? await accounts.logIn({ ...run.operator, address: null }) : null;
  const maker = makeShowMaker({ caller, organiser, clock, signal });
  const venue = await maker.makeVenue(seats);
  const startMs = clock.monotonicMs();
  const buyers = await gatherPeople({
    people: { count: options.buyers, seed: options.seed, pace },
    // Without the room everybody signs up, as it was in the first version.
    accounts,
    password,
    makeAccounts: hasRoom ? run.makeAccounts : null,
    isTrusting: run.isTrusting,
    // Host names allow neither capitals nor underscores.
    name: `run-${makeSecret()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '')}`,
    notes,
    progress,
    clock,
  });
  const signUpMs = clock.monotonicMs() - startMs;
  const lobbyMs = lobbyLengthMs(pace);
  const opensInMs = readyMs + lobbyMs;
  const saleOpensAtMs = clock.nowMs() + opensInMs;
  const room: Room | null = hasRoom
    ? {
        opensAtMs: clock.monotonicMs() + opensInMs,
        claimWindowMs: run.claimWindowMs,
        aheadMs: -Infinity,
      }
    : null;
  const sale = await maker.makeSale(venue, hasRoom ? saleOpensAtMs : undefined);
  const { showId } = sale;
  const operating = operator === null ? null : { caller, operator, clock, signal };
  if (operating !== null)
    await openRoom(operating, { showId, seats, pace, opensAtMs: saleOpensAtMs, lobbyMs });
  progress.say(`  on sale: ${seats} seats at ${run.url}, show ${showId}`);
  const crowd: Crowd = {
    caller,
    http,
    clock,
    notes,
    sale,
    room,
    signal,
    patienceMs,
    pace,
    wakes: makeWakes({ clock, signal }),
    shoppersMax: room === null ? options.buyers : roomLimits(seats, pace).activeMax,
    provider: makeProvider(http, `mark-${makeSecret()}`),
  };
  const watch = operating === null ? null : watchRoom(operating, showId);
  return { crowd, buyers, watch, promised: room && (await readPromise(crowd)), signUpMs };
};

/** Time to create the show and its room, which must exist when the first people come. */
const readyMs = 3000;

/** Ends when everybody has gone home. */
const open = async (
  run: Run,
  crowd: Crowd,
  buyers: readonly Buyer[],
  watch: RoomWatch | null,
  startMs: number,
): Promise<void> => {
  const bars = run.progress.begin(() => barsOf(crowd, buyers, watch));
  try {
    await Promise.all(buyers.map((buyer) => shop(crowd, buyer, startMs)));
  } finally {
    await bars.end();
  }
};

const barsOf = (crowd: Crowd, buyers: readonly Buyer[], watch: RoomWatch | null): Bar[] => {
  const doing = { coming: 0, waiting: 0, looking: 0, holding: 0, paying: 0, gone: 0 };
  let sold = 0;
  for (const buyer of buyers) {
    doing[buyer.doing] += 1;
    for (const { told, tickets } of buyer.orders) if (told === 'paid') sold += tickets.length;
  }
  const { coming, waiting, looking, holding, paying, gone } = doing;
  const refused = Object.values(crowd.notes.refusals).reduce((sum, count) => sum + count, 0);
  const note = `${looking} looking, ${holding} holding, ${paying} paying`;
  return [
    ...roomBars({ came: buyers.length - coming, total: buyers.length, waiting }, watch),
    { label: 'seats sold', done: sold, total: crowd.sale.seatCount, note: `${refused} refusals` },
    { label: 'people done', done: gone, total: buyers.length, note },
  ];
};

const roomBars = (
  { came, total, waiting }: { came: number; total: number; waiting: number },
  watch: RoomWatch | null,
): Bar[] => {
  if (watch === null) return [];
  const seen = watch.last();
  const inside = (seen?.active ?? 0) + (seen?.called ?? 0);
  const note = `${seen?.admitted ?? 0} admitted, front ${seen?.front ?? 0} of ${seen?.tail ?? 0}`;
  return [
    { label: 'came', done: came, total, note: `${waiting} waiting` },
    { label: 'inside', done: inside, total: seen?.activeMax ?? 0, note },
  ];
};

const conclude = async (
  run: Run,
  crowd: Crowd,
  buyers: readonly Buyer[],
  facts: {
    isJournalDrained: boolean;
    durationMs: Report['durationMs'];
    watch: RoomWatch | null;
    promised: string | null;
  },
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
  const room = await concludeRoom(run, crowd, buyers, facts);
  return makeReport({
    url: run.url,
    seed: options.seed,
    pace: options.pace,
    buyers: options.buyers,
    seats: options.seats,
    paidOrders: paid.length,
    ticketsIssued: liveTickets(orders).length,
    revenueWon: paid.reduce((sum, { record }) => sum + record.totalMinor, 0),
    seatsSold: map.sold,
    seatsHeld: map.held,
    doubleSold: doubleSold(orders).length,
    unknownPayments: orders.filter(({ state }) => /^(PAYING|UNKNOWN)$/.test(state)).length,
    paidUntold: paid.filter(({ record }) => record.told === 'open').length,
    ends,
    isJournalDrained: facts.isJournalDrained,
    durationMs: facts.durationMs,
    buyersChecks: [...checkOrders(orders), map.check, ...money.checks, ...(room?.checks ?? [])],
    sql: await askDatabase(run.database),
    notChecked: [...money.notChecked, ...(room?.notChecked ?? [])],
    notes: crowd.notes,
    room: room?.room ?? null,
  });
};

const concludeRoom = async (
  run: Run,
  crowd: Crowd,
  buyers: readonly Buyer[],
  { watch, promised }: { watch: RoomWatch | null; promised: string | null },
) => {
  const { room } = crowd;
  if (room === null || watch === null) return null;
  const { samples, failures } = watch;
  const visits = buyers.map(({ visit }) => visit);
  const record = await readRecord(crowd);
  const { room: report, checks } = makeRoomReport({ ...room, visits, samples, record, promised });
  const history = (await run.history?.(crowd.sale.showId)) ?? null;
  const limits = roomLimits(run.options.seats, run.options.pace);
  return {
    room: report,
    checks:
      history === null
        ? checks
        : [...checks, checkDecisions(history, limits), checkLateFirst(history, visits, limits)],
    notChecked: [
      ...(history === null ? ['W10 W11 the room’s own record: it cannot be read from here'] : []),
      ...(promised === null ? ['W9 the commitment could not be read before the draw'] : []),
      ...[...failures].map((failure) => `W6 W7 some moments of the room: ${failure}`),
    ],
  };
};

const askDatabase = async (database: Database | null) =>
  database === null ? null : database.checkInvariants();

import { won } from '@usher/domain/money.ts';
import type { FastifyInstance } from 'fastify';
import { expect } from 'vitest';
import { manualClock } from '../../server/src/platform/clock.ts';
import { makeIdempotency } from '../../server/src/platform/http/idempotency.ts';
import { makeHttpServer } from '../../server/src/platform/http/server.ts';
import { makeIds } from '../../server/src/platform/ids.ts';
import { makeMetrics } from '../../server/src/platform/metrics.ts';
import { type Database, openDatabase, type Sql } from '../../server/src/platform/postgres/sql.ts';
import { openTracing } from '../../server/src/platform/tracing.ts';
import { openCatalogue, type Stock } from '../../server/src/services/catalogue/index.ts';
import { openRanking } from '../../server/src/services/ranking/index.ts';
import { openVenues } from '../../server/src/services/venues/index.ts';
import { silentLog } from './log.ts';
import { until } from './until.ts';

export { arenaPlan } from '../../server/src/demo/arena.ts';

/** A database that counts its statements, also those of transactions. */
const counted = (db: Database) => {
  let statements = 0;
  let running = 0;
  const on = (sql: Sql): Sql => ({
    query: async (text, params) => {
      statements++;
      running++;
      try {
        return await sql.query(text, params);
      } finally {
        running--;
      }
    },
  });
  const database: Database = {
    ...on(db),
    transaction: (work) => db.transaction((tx) => work(on(tx))),
    close: db.close,
  };
  return { database, count: () => statements, isIdle: () => running === 0 };
};

/** The seats as the catalogue sees them, in memory: what was opened, and how many are taken. */
export const makeFakeStock = () => {
  const opened = new Map<string, Parameters<Stock['open']>[1][number]>();
  const blocked = new Set<string>();
  const gradeOfBlocked = new Map<string, number>();
  const takenByOthers = new Set<string>();
  const taken = new Map<string, Map<string, Map<number, number>>>();
  const asked: string[] = [];
  const held = new Set<string>();
  const repainted = new Map<string, Parameters<Stock['repaint']>[2][number]>();
  const stock: Stock = {
    open: async (_tx, performances) => {
      for (const each of performances) opened.set(each.performanceId, each);
    },
    taken: async (showId) => {
      asked.push(showId);
      return taken.get(showId) ?? new Map();
    },
    full: async (showIds) => {
      const performances = showIds.flatMap((showId) => [...(taken.get(showId) ?? [])]);
      const seats = (byGrade: Map<number, number>) => [...byGrade.values()].reduce((a, b) => a + b);
      return new Set(
        performances
          .filter(([id, byGrade]) => seats(byGrade) === opened.get(id)?.seatCount)
          .map(([id]) => id),
      );
    },
    lock: async () => undefined,
    held: async (_sql, _showId, performanceIds) =>
      new Set(performanceIds.filter((id) => held.has(id))),
    repaint: async (_tx, _showId, performances) => {
      for (const each of performances) repainted.set(each.performanceId, each);
    },
    block: async (_tx, { performanceId, block, unblock }) => {
      const seatNos = block
        .map(({ seatNo }) => seatNo)
        .filter((seatNo) => takenByOthers.has(`${performanceId} ${seatNo}`));
      if (seatNos.length > 0) return { outcome: 'taken', seatNos };
      for (const { seatNo, gradeIndex } of block) {
        blocked.add(`${performanceId} ${seatNo}`);
        gradeOfBlocked.set(`${performanceId} ${seatNo}`, gradeIndex);
      }
      for (const seatNo of unblock) blocked.delete(`${performanceId} ${seatNo}`);
      return { outcome: 'done' };
    },
  };
  return {
    stock,
    opened,
    blocked,
    gradeOfBlocked,
    takenByOthers,
    /** Performances in which a seat was ever held. */
    held,
    repainted,
    /** Shows whose seats were counted, in order. */
    asked,
    /** Sets how many seats of a performance are taken, by the grade's index. */
    take: (showId: string, performanceId: string, byGrade: readonly number[]): void => {
      const performances = taken.get(showId) ?? new Map();
      taken.set(showId, performances.set(performanceId, new Map(byGrade.map((n, i) => [i, n]))));
    },
  };
};

export const startsAt = '2026-11-21T03:00:00.000Z';

/**
 * The catalogue, its venues and the ranking over HTTP on a database, with a fixed clock.
 * The token of a caller names account and role.
 */
export const openCatalogueOffice = async (options: { url: string; nowMs?: number }) => {
  const clock = manualClock(options.nowMs ?? Date.parse(startsAt));
  const ids = makeIds(clock);
  const metrics = makeMetrics();
  const db = openDatabase({ url: options.url, name: 'test', log: silentLog, poolMax: 6 });
  const { database, count, isIdle } = counted(db);
  const fake = makeFakeStock();
  const channels: Record<string, (payload: string) => void> = {};
  const context = {
    db: database,
    clock,
    ids,
    log: silentLog,
    listen: (channel: string, onMessage: (payload: string) => void) => {
      channels[channel] = onMessage;
    },
    relayWake: () => undefined,
  };
  const venues = openVenues(context);
  const catalogue = await openCatalogue(context, {
    venues: venues.service,
    stock: fake.stock,
  });
  const ranking = await openRanking(context, { catalogue: catalogue.service });
  const workers = [await catalogue.start(), await ranking.start()];
  const idempotency = makeIdempotency(database, metrics, 256);
  const app: FastifyInstance = await makeHttpServer({
    clock,
    log: silentLog,
    metrics,
    idempotency,
    tracing: await openTracing({ endpoint: undefined, service: 'test' }),
    routes: [...venues.routes, ...catalogue.routes, ...ranking.routes],
    authenticate: (token) => {
      const [accountId = '', role = ''] = token.split('/');
      return accountId === 'nobody' ? null : { accountId, role, sessionId: ids.make('session') };
    },
    mayCall: (auth, { role }) =>
      auth === 'public' || auth === 'account' || role === 'OPERATOR' || role === 'ORGANISER',
    trustProxy: false,
    allowedOrigins: [],
    safeHeaders: {},
    checkAnswers: true,
    rateLimits: false,
  });
  const idle = () => until('no statement is running', isIdle);
  await idle();
  return {
    clock,
    ids,
    db: database,
    app,
    channels,
    idle,
    stock: fake,
    venues,
    catalogue,
    ranking,
    statements: count,
    organiser: `${ids.make('account')}/ORGANISER`,
    rival: `${ids.make('account')}/ORGANISER`,
    operator: `${ids.make('account')}/OPERATOR`,
    buyer: `${ids.make('account')}/BUYER`,
    close: async () => {
      await app.close();
      for (const worker of workers) await worker.stop();
      await ranking.close();
      await catalogue.close();
      await idempotency.close();
      await db.close();
      metrics.close();
    },
  };
};
export type CatalogueOffice = Awaited<ReturnType<typeof openCatalogueOffice>>;

export const callerOf =
  (office: CatalogueOffice) =>
  async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    given: { as?: string; body?: object; key?: string; headers?: Record<string, string> } = {},
  ) =>
    office.app.inject({
      method,
      url: `/api/v1${path}`,
      headers: {
        ...(given.as === undefined ? {} : { authorization: `Bearer ${given.as}` }),
        ...(given.key === undefined ? {} : { 'idempotency-key': given.key }),
        ...given.headers,
      },
      ...(given.body === undefined ? {} : { payload: given.body }),
    });

/** A house of straight rows, ten units between neighbours; the first rows are VIP, the rest R. */
export const houseCsv = (rows: number, seatsInRow: number, vipRows = 1): string => {
  const lines = ['section,row,number,grade,x,y,section_en'];
  for (let row = 1; row <= rows; row++)
    for (let number = 1; number <= seatsInRow; number++)
      lines.push(
        `1층,${row},${number},${row <= vipRows ? 'VIP' : 'R'},${number * 10},${row * 12},Stalls`,
      );
  return lines.join('\n');
};

export const twoGrades = [
  { code: 'VIP', name: { ko: 'VIP석', en: 'VIP' }, price: won(150_000) },
  { code: 'R', name: { ko: 'R석', en: 'R' }, price: won(100_000) },
];

/** Creates things over HTTP as an organiser, and expects success. */
export const makeBuilder = (office: CatalogueOffice) => {
  const call = callerOf(office);
  const atMs = (ms: number) => new Date(office.clock.nowMs() + ms).toISOString();
  const venue = async (given: object = {}, as = office.organiser) => {
    const body = {
      name: { ko: '새벽달극장', en: 'Saebyeokdal Theatre' },
      address: { ko: '서울', en: 'Seoul' },
      seatsCsv: houseCsv(4, 5),
      ...given,
    };
    const response = await call('POST', '/organiser/venues', { as, body });
    expect(response.statusCode, response.body).toBe(201);
    return response.json();
  };
  const showFields = (venueId: string) => ({
    title: { ko: '오페라의밤', en: 'Night of Opera' },
    synopsis: { ko: '하룻밤의 노래', en: 'Songs of one night' },
    category: 'MUSICAL',
    venueId,
    runningTimeMinutes: 120,
    ageLimit: 8,
    grades: twoGrades,
    ladder: 'operator',
    saleOpensAt: atMs(-3_600_000),
    saleClosesAt: atMs(60 * 86_400_000),
  });
  const show = async (venueId: string, given: object = {}, as = office.organiser) => {
    const body = { ...showFields(venueId), ...given };
    const response = await call('POST', '/organiser/shows', { as, body });
    expect(response.statusCode, response.body).toBe(201);
    return response.json();
  };
  /** Performances so many hours from now. */
  const performances = async (
    showId: string,
    inHours: readonly number[],
    as = office.organiser,
  ) => {
    const body = { startsAt: inHours.map((hours) => atMs(hours * 3_600_000)) };
    const path = `/organiser/shows/${showId}/performances`;
    const response = await call('POST', path, { as, body });
    expect(response.statusCode, response.body).toBe(201);
    return response.json().items;
  };
  return { venue, showFields, show, performances, atMs };
};

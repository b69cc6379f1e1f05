import { allRoutes } from '@usher/contract/routes.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serviceNames } from '../../server/src/config.ts';
import { type ManualClock, makeLoop, manualClock } from '../../server/src/platform/clock.ts';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import type { Worker } from '../../server/src/platform/worker.ts';
import { afterThisFile } from '../support/after-file.ts';
import { makeTestDatabase } from '../support/postgres.ts';
import { openProcess } from '../support/program.ts';
import { openSandbox, type TestSandbox } from '../support/sandbox.ts';

/** Counts the statements on the program's own connections, by text, without the job runner's. */
const watchStatements = () => {
  const original = pg.Client.prototype.query;
  const counts = new Map<string, number>();
  let running = 0;
  const labelOf = (text: string): string =>
    (/\b(?:FROM|UPDATE|INTO)\s+([a-z_]+\.[a-z_]+)/.exec(text) ??
      /\bSELECT\s+([a-z_]+\.[a-z_]+)/.exec(text))?.[1] ?? text.slice(0, 30);
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const result = Reflect.apply(original, this, given) as Promise<unknown>;
    const { application_name: name } = (
      this as unknown as { connectionParameters: { application_name?: string } }
    ).connectionParameters;
    if (name !== 'usher server' && name !== 'usher listen') return result;
    const label = labelOf(String(given[0]));
    counts.set(label, (counts.get(label) ?? 0) + 1);
    running++;
    const ended = (): void => {
      running--;
    };
    result.then(ended, ended);
    return result;
  } as typeof original;
  return {
    counts,
    isQuiet: () => running === 0,
    stop: () => {
      pg.Client.prototype.query = original;
    },
  };
};

type Work = {
  /** Loops that sleep until their next round, including the listener. */
  loops: number;
  consumers: string[];
  jobs: string[];
  /** Statements in one minute without requests. */
  idleMinute: Record<string, number>;
};

/** Every process follows the ended sessions, and checks that it still listens. */
const everywhere = { 'SELECT 1': 4, 'identity.sessions': 12 };
/** Processes that take holds or orders, or operate rooms: which shows have a room. */
const rooms = { 'waiting_room.rooms': 60 };
/** Processes that consume events: the leases of the cursors, and whether there are new events. */
const relay = { 'platform.cursors': 120, 'platform.note_horizon': 120 };

/** What each service does without requests, alone in a process. Add each new loop here. */
const table: Record<(typeof serviceNames)[number], Work> = {
  identity: {
    loops: 2,
    consumers: [],
    jobs: ['identity-prune-sessions', 'identity-prune-codes'],
    idleMinute: everywhere,
  },
  catalogue: {
    loops: 5,
    consumers: ['catalogue-sold-out', 'ranking'],
    jobs: ['catalogue-tell-openings', 'catalogue-tell-opening', 'catalogue-check-sold-out'],
    // Likes and sold out, the ranking's totals, and the shows in the ranking.
    idleMinute: {
      ...everywhere,
      ...relay,
      'clock.now': 60,
      'ranking.sales': 20,
      's.sale_opens_at': 20,
    },
  },
  'waiting-room': {
    loops: 7,
    consumers: ['waiting-room-order-ends'],
    jobs: [],
    // Without Redis this process keeps the rooms, under a lease.
    idleMinute: { ...everywhere, ...relay, ...rooms, 'waiting_room.keeper': 60 },
  },
  seats: {
    // The sweeper, and the comparison of seat map versions, which asks nothing without a map.
    loops: 5,
    consumers: [],
    jobs: [],
    idleMinute: { ...everywhere, ...rooms, 'seats.lapse': 120 },
  },
  orders: { loops: 3, consumers: [], jobs: [], idleMinute: { ...everywhere, ...rooms } },
  payments: {
    loops: 3,
    consumers: [],
    jobs: [],
    // Each second: attempts with an answer, those of unknown outcome, and those left as SENT.
    idleMinute: { ...everywhere, 'payments.attempts': 120, 'payments.find_silent': 60 },
  },
  tickets: { loops: 2, consumers: [], jobs: [], idleMinute: everywhere },
  notifications: {
    loops: 3,
    consumers: ['notifications'],
    jobs: ['notifications-send-mails', 'notifications-resume-mails'],
    idleMinute: { ...everywhere, ...relay },
  },
  operations: { loops: 3, consumers: [], jobs: [], idleMinute: { ...everywhere, ...rooms } },
};

let sandbox: TestSandbox;
let statements: ReturnType<typeof watchStatements>;
const routes = new Map<string, readonly string[]>();
beforeAll(async () => {
  sandbox = await openSandbox();
  statements = watchStatements();
});
afterAll(() => statements.stop());

/** Waits until so many loops sleep and no statement runs, so every round is finished. */
const settle = async (clock: ManualClock, loops: number): Promise<void> => {
  const deadlineMs = performance.now() + 10_000;
  // Not `until`: it polls every 20 ms, and there are a thousand rounds.
  for (let quiet = 0; quiet < 3; ) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    quiet = statements.isQuiet() && clock.sleeping === loops ? quiet + 1 : 0;
    if (performance.now() > deadlineMs)
      throw new Error(`${clock.sleeping} loops sleep instead of ${loops}`);
  }
};

type Plant = (clock: ManualClock, db: Database) => Worker;
const look = async (service: string, loops: number, plant?: Plant): Promise<Work> => {
  const clock = manualClock(Date.now());
  const databaseUrl = (await makeTestDatabase()).url;
  const settings = { USHER_SERVICES: service, TOSS_CLIENT_KEY: sandbox.clientKey };
  const { app, close } = await openProcess({ databaseUrl, sandbox, settings, clock });
  const planted = plant?.(clock, app.db);
  if (planted !== undefined) afterThisFile(planted.stop);
  await settle(clock, loops);
  statements.counts.clear();
  for (let passedMs = 0; passedMs < 60_000; passedMs += 500) {
    await clock.advance(500);
    await settle(clock, loops);
  }
  const idleMinute = Object.fromEntries(statements.counts);
  await close();
  const { consumers, jobs } = app.serving;
  routes.set(service, app.serving.routes);
  return { loops, consumers, jobs, idleMinute };
};

describe('a process that serves one service', () => {
  test.each(serviceNames)('%s: runs the loops and statements listed here only', async (service) => {
    const expected = table[service];
    expect(await look(service, expected.loops)).toEqual(expected);
  });

  test('would be caught with an extra loop or an extra statement', async () => {
    const loop: Plant = (clock, db) =>
      makeLoop({
        clock,
        everyMs: 10_000,
        run: async () => void (await db.query('SELECT FROM orders.orders')),
        onError: () => undefined,
      });
    await expect(look('tickets', table.tickets.loops, loop)).rejects.toThrow('3 loops sleep');
    const { idleMinute } = await look('tickets', table.tickets.loops + 1, loop);
    expect(idleMinute).toEqual({ ...table.tickets.idleMinute, 'orders.orders': 6 });
  });

  test('answers the routes of that service; each route belongs to exactly one', () => {
    const probes = ['healthz', 'readyz', 'readMetrics'];
    const served = [...routes.values()].flat();
    const wanted = allRoutes.map(({ name }) => name).filter((name) => !probes.includes(name));
    expect(served.toSorted()).toEqual(wanted.toSorted());
    expect(routes.get('orders')).not.toContain('takeHold');
  });
});

import { readOrder, readOrderByLink } from '@usher/contract/orders.ts';
import { confirmPayment } from '@usher/contract/payments.ts';
import { type ProblemCode, problemCodes, problems } from '@usher/contract/problems.ts';
import { extendHold, takeHold } from '@usher/contract/seats.ts';
import { joinRoom } from '@usher/contract/waiting-room.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { problemsOf } from '../../server/src/platform/http/openapi.ts';
import { freshKey, problemOf, type Reply } from '../support/ask.ts';
import { withClient } from '../support/databases.ts';
import { nowhere } from '../support/examples.ts';
import { makeTestDatabase } from '../support/postgres.ts';
import { ordinary, type Scenario } from '../support/problem-scenarios.ts';
import { openProgram, type Program } from '../support/program.ts';
import { openRaw, replyIn, said } from '../support/raw-http.ts';
import { openTcpProxy, throughPort } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { makeRoomTools } from '../support/waiting.ts';

let main: Program;
beforeAll(async () => {
  main = await openProgram();
});

/** A program with other settings, on the main one's database and sandbox; closed afterwards. */
const beside = async <T>(
  options: Parameters<typeof openProgram>[0],
  work: (program: Program) => Promise<T>,
): Promise<T> => {
  const { databaseUrl, sandbox } = main;
  const program = await openProgram({ databaseUrl, sandbox, ...options });
  try {
    return await work(program);
  } finally {
    await program.close();
  }
};

const forced = {
  REQUEST_TIMEOUT: () =>
    beside({}, async (program) => {
      const origin = await program.listen();
      program.app.http.server.headersTimeout = 100;
      const socket = await openRaw(origin);
      return { spec: null, reply: replyIn(await said(socket, 'GET / HTTP/1.1\r\nhost: a')) };
    }),

  TOO_MANY_REQUESTS: () =>
    beside({ settings: { RATE_LIMITS: 'true' } }, async (program) => {
      const { linkToken } = nowhere;
      const call = () => program.ask(readOrderByLink, { params: { linkToken } });
      for (let i = 0; i < readOrderByLink.rate.burst; i++) await call();
      return { spec: readOrderByLink, reply: await call() };
    }),

  ADDRESS_PLACES_TAKEN: async () => {
    const settings = { RATE_LIMITS: 'true', ROOM_PLACES_PER_ADDRESS: '1' };
    const databaseUrl = (await makeTestDatabase()).url;
    return beside({ databaseUrl, settings }, async (program) => {
      const room = makeRoomTools(program);
      const { showId } = await program.newSale(program.organiser);
      await room.open(showId);
      await room.join(await program.newBuyer(), showId);
      const { token: as } = await program.newBuyer();
      const reply = await program.ask(joinRoom, { as, params: { showId }, body: {} });
      return { spec: joinRoom, reply };
    });
  },

  EMAIL_NOT_CONFIRMED: () =>
    beside({ settings: { CONFIRM_EMAIL: 'true' } }, async (program) => {
      const { performanceId } = await main.newSale(main.organiser);
      const { token: as } = await program.newBuyer();
      const given = { as, params: { performanceId }, body: { seats: [0] } };
      return { spec: takeHold, reply: await program.ask(takeHold, given) };
    }),

  IDEMPOTENCY_KEY_RUNNING: async () => {
    const { performanceId } = await main.newSale(main.organiser);
    const { token: as } = await main.newBuyer();
    const { id: holdId } = await main.hold(as, performanceId, [0]);
    const given = { as, params: { holdId }, key: freshKey() };
    const replies: Reply[] = [];
    await withClient(main.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT FROM seats.holds WHERE id = $1 FOR UPDATE', [holdId]);
      const first = main.ask(extendHold, given);
      await until('the first call waits for the hold', async () => {
        const waiting = await main.app.db.query(
          `SELECT FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return waiting.length > 0;
      });
      replies.push(await main.ask(extendHold, given));
      await client.query('ROLLBACK');
      expect((await first).status).toBe(200);
    });
    const [reply] = replies;
    if (reply === undefined) throw new Error('the repeat got no answer');
    return { spec: extendHold, reply };
  },

  PROVIDER_UNAVAILABLE: async () => {
    const proxy = await openTcpProxy(1);
    await proxy.close();
    const tossUrl = `http://127.0.0.1:${proxy.port}`;
    return beside({ tossUrl }, async (program) => {
      const { performanceId } = await program.newSale(program.organiser);
      const { token: as } = await program.newBuyer();
      const { checkout } = await program.order(as, performanceId, [0]);
      return { spec: confirmPayment, reply: await program.pay(as, checkout) };
    });
  },

  OVERLOADED: () =>
    beside({}, async (program) => {
      const { token: as } = await program.newBuyer();
      const params = { orderId: nowhere.orderId };
      // A closed batcher refuses calls like one whose queue is full.
      await program.app.services.orders.close();
      return { spec: readOrder, reply: await program.ask(readOrder, { as, params }) };
    }),

  UNAVAILABLE: async () => {
    const proxy = await openTcpProxy(Number(new URL(main.databaseUrl).port));
    const databaseUrl = throughPort(main.databaseUrl, proxy.port);
    return beside({ databaseUrl }, async (program) => {
      const { token: as } = await program.newBuyer();
      const given = { as, params: { orderId: nowhere.orderId } };
      proxy.cut();
      const reply = await program.ask(readOrder, given);
      proxy.repair();
      await until(
        'the database is there again',
        async () => (await program.ask(readOrder, given)).status === 404,
      );
      return { spec: readOrder, reply };
    });
  },

  INTERNAL: async () => {
    const databaseUrl = (await makeTestDatabase()).url;
    return beside({ databaseUrl }, async (program) => {
      const { performanceId } = await program.newSale(program.organiser);
      const { token: as } = await program.newBuyer();
      const params = { performanceId };
      await program.app.db.query('ALTER FUNCTION seats.take RENAME TO take_is_gone');
      const body = { seats: [0] };
      const reply = await program.ask(takeHold, { as, params, body });
      // The response reveals no internals.
      expect(reply.bytes.toString()).not.toMatch(/seats\.take|function|sql|select/i);
      return { spec: takeHold, reply };
    });
  },
} satisfies Partial<Record<ProblemCode, Scenario>>;

/** The compiler wants every code here; so does the test below, which the compiler does not run. */
const scenarios: Readonly<Record<ProblemCode, Scenario>> = { ...ordinary, ...forced };

const saysWhenAgain: readonly string[] = [
  'TOO_MANY_REQUESTS',
  'IDEMPOTENCY_KEY_RUNNING',
  'OVERLOADED',
  'UNAVAILABLE',
  'SALE_NOT_OPEN',
  'ROOM_NOT_OPEN',
];

describe('every problem of the catalogue', () => {
  test('has a scenario that provokes it', () => {
    expect(Object.keys(scenarios).sort()).toEqual([...problemCodes].sort());
  });

  test.each(problemCodes)('%s is returned, and its route declares it', async (code) => {
    const { spec, reply } = await scenarios[code](main);
    const problem = problemOf(reply);
    const { status, title, retryable } = problems[code];
    expect(problem).toMatchObject({ code, status, title, retryable });
    expect(problem.type).toBe(`/docs/problems/${code}`);
    expect(reply.headers['cache-control']).toBe('no-store');
    if (spec !== null) expect(problemsOf(spec)).toContain(code);
    expect(Number(reply.headers['retry-after'] ?? 0) > 0).toBe(saysWhenAgain.includes(code));
    expect((problem.retryAfterMs ?? 0) > 0).toBe(saysWhenAgain.includes(code));
  });
});

describe('a problem gives, besides its code,', () => {
  const told = async (code: ProblemCode) => problemOf((await scenarios[code](main)).reply);

  test('the seats in conflict', async () => {
    expect((await told('SEATS_TAKEN'))['conflicts']).toEqual([2]);
    expect((await told('SEATS_BLOCKED'))['conflicts']).toEqual([2]);
    expect((await told('SEAT_LEFT_STRANDED'))['conflicts']).toEqual([0]);
  });

  test('the limit, the opening time, the conflicting order and the current state', async () => {
    expect((await told('BUYER_LIMIT_REACHED'))['limit']).toBe(4);
    expect(Date.parse(String((await told('SALE_NOT_OPEN'))['opensAt']))).toBeGreaterThan(0);
    expect((await told('HOLD_HAS_ORDER'))['orderId']).toMatch(/^ord_/);
    expect((await told('ORDER_NOT_CANCELLABLE'))['state']).toBe('PAID');
    expect((await told('ORDER_NOT_PAYABLE'))['state']).toBe('PAID');
  });

  test('the provider’s reason, and the hold to retry with', async () => {
    const problem = await told('PAYMENT_DECLINED');
    expect(problem['providerCode']).toMatch(/^[A-Z_]+$/);
    expect(problem['orderId']).toMatch(/^ord_/);
    expect(problem['holdId']).toMatch(/^hold_/);
  });

  test('the invalid fields, or the invalid lines of a file', async () => {
    for (const code of ['VALIDATION_FAILED', 'SHOW_RULE_BROKEN', 'LAYOUT_REFUSED'] as const)
      expect((await told(code)).errors, code).not.toHaveLength(0);
  });
});

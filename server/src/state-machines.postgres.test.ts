import { makeAttemptId } from '@usher/domain/ids.ts';
import { type Booking, openBooking } from '@usher/tests/support/booking.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { rewindBefore } from '@usher/tests/support/rewind.ts';
import { endHold } from '@usher/tests/support/time.ts';
import { until } from '@usher/tests/support/until.ts';
import pg from 'pg';
import { afterEach, assert, describe, expect, test } from 'vitest';
import { checkInvariants } from './invariants.ts';
import { silentLog } from './platform/log.ts';
import { migrate } from './platform/postgres/migrate.ts';
import { makeSeatStore } from './services/seats/store.ts';
import { stateMachines } from './state-machines.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A move as text; `nothing` stands before the beginning and after the end. */
const asText = (machine: string, from: string | null, to: string | null): string =>
  `${machine}: ${from ?? 'nothing'} → ${to ?? 'nothing'}`;

/** Every move that the program's table has. */
const allowed = stateMachines
  .flatMap(({ name, begins, moves, ends }) => [
    ...begins.map((to) => asText(name, null, to)),
    ...Object.entries(moves).flatMap(([from, targets]) =>
      targets.map((to) => asText(name, from, to)),
    ),
    ...ends.map((from) => asText(name, from, null)),
  ])
  .toSorted();

/** One row of each machine: a paid order with its hold, seat and attempt. */
const openPaid = async () => {
  const { url } = await makeTestDatabase();
  const b = await openBooking({ url });
  const paid = await b.order('acc_paid', [0]);
  await b.pay('acc_paid', paid.attemptId, paid.total);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  closers.push(b.close, () => client.end());
  return { url, b, client };
};

/** Drops the other constraints, so that only the moves can refuse a state. */
const dropChecks = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS statement
     FROM pg_constraint
     WHERE contype = 'c' AND conrelid::regclass::text = ANY ($1)`,
    [stateMachines.map(({ table }) => table)],
  );
  for (const { statement } of rows) await client.query(statement);
};

/** The database's error for a statement, null if it succeeds; rolled back afterwards. */
const refusalOf = async (client: pg.Client, sql: string): Promise<string | null> => {
  await client.query('SAVEPOINT tried');
  try {
    const { rowCount } = await client.query(sql);
    if (rowCount !== 1) throw new Error(`assertion failed: ${rowCount} rows by ${sql}`);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.query('ROLLBACK TO tried');
  }
};

/** Every pair of states that a statement could move a row between, and whether it may. */
const tryAllMoves = async (client: pg.Client): Promise<{ done: string[]; refused: string[] }> => {
  const done: string[] = [];
  const refused: string[] = [];
  for (const { name, table, moves } of stateMachines) {
    const states = Object.keys(moves);
    const note = async (from: string | null, to: string | null, sql: string): Promise<void> => {
      const refusal = await refusalOf(client, sql);
      if (refusal === null) done.push(asText(name, from, to));
      else refused.push(refusal);
    };
    for (const from of states) {
      await client.query('BEGIN');
      await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      await client.query(`UPDATE ${table} SET state = '${from}'`);
      await client.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
      for (const to of states)
        if (to !== from) await note(from, to, `UPDATE ${table} SET state = '${to}'`);
      await note(from, null, `DELETE FROM ${table}`);
      // The existing row is replaced by one that begins in the state.
      await client.query(
        `CREATE TEMP TABLE row_to_insert ON COMMIT DROP AS SELECT * FROM ${table}`,
      );
      await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      await client.query(`DELETE FROM ${table}`);
      await client.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
      await note(null, from, `INSERT INTO ${table} SELECT * FROM row_to_insert`);
      await client.query('ROLLBACK');
    }
  }
  return { done, refused };
};

describe('the moves that the database lets any statement make', () => {
  test('are those of the domain’s table, and no others', async () => {
    const { client } = await openPaid();
    await dropChecks(client);
    const { done, refused } = await tryAllMoves(client);
    expect(done.toSorted()).toEqual(allowed);
    // Each refusal names the machine, the row and the pair.
    for (const refusal of refused)
      expect(refusal).toMatch(/^(hold|order|attempt) \S+ may not move from \w+ to \w+$/);
  });

  test('are listed in platform.moves, for the checks that compare trails with them', async () => {
    const { client } = await openPaid();
    const { rows } = await client.query<{ machine: string; from: string; to: string }>(
      'SELECT machine, from_state AS from, to_state AS to FROM platform.moves',
    );
    expect(rows.map(({ machine, from, to }) => asText(machine, from, to)).toSorted()).toEqual(
      allowed,
    );
  });

  test('guard off: without the trigger a paid order goes back to PENDING', async () => {
    const { client } = await openPaid();
    const illegal = "UPDATE orders.orders SET state = 'PENDING'";
    await expect(client.query(illegal)).rejects.toThrow(
      /^order ord_\w+ may not move from PAID to PENDING$/,
    );
    await client.query('ALTER TABLE orders.orders DISABLE TRIGGER refuse_move');
    expect((await client.query(illegal)).rowCount).toBe(1);
  });
});

describe('a database of the previous version that contains orders', () => {
  test('enforces the moves after the migration, and its orders can still move', async () => {
    const { url, b, client } = await openPaid();
    const open = await b.order('acc_open', [1]);
    await rewindBefore(b.db, '000014_moves');
    const illegal = `UPDATE orders.orders SET state = 'CANCELLED' WHERE state = 'PAID'`;
    const refusal = async (): Promise<string | null> => {
      await client.query('BEGIN');
      const said = await refusalOf(client, illegal);
      await client.query('ROLLBACK');
      return said;
    };
    expect(await refusal()).toBeNull();
    await migrate({ url, log: silentLog, machines: stateMachines });
    expect(await refusal()).toMatch(/may not move from PAID to CANCELLED/);
    // Its window belongs to the version before; the buyer pays in a new one.
    const opened = await b.payments.openAttempt(open.orderId, 'acc_open');
    assert(opened.outcome === 'opened', 'the order waits for its payment');
    const attemptId = makeAttemptId(open.orderId, opened.attemptNo);
    expect((await b.pay('acc_open', attemptId, open.total)).outcome).toBe('paid');
    expect((await checkInvariants(b.db)).violations).toEqual([]);
  });

  test('gets the program’s new moves, and loses those that the program no longer has', async () => {
    const { url, client } = await openPaid();
    const changed = stateMachines.map((machine) =>
      machine.name === 'order' ? { ...machine, moves: { PAID: ['REFUNDED'] } } : machine,
    );
    await migrate({ url, log: silentLog, machines: changed });
    await client.query("UPDATE orders.orders SET state = 'REFUNDED'");
    const { rows } = await client.query(
      "SELECT from_state || to_state AS move FROM platform.moves WHERE machine = 'order'",
    );
    expect(rows.map(({ move }) => move).filter((move) => move !== null)).toEqual(['PAIDREFUNDED']);
  });
});

/** Records every move that is made from now on. */
const watchMoves = async (b: Booking): Promise<() => Promise<string[]>> => {
  await b.db.query('CREATE TABLE platform.seen (machine text, from_state text, to_state text)');
  await b.db.query(
    `CREATE FUNCTION platform.see() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       INSERT INTO platform.seen
       VALUES (TG_ARGV[0], to_jsonb(OLD)->>'state', to_jsonb(NEW)->>'state');
       RETURN NULL;
     END $$`,
  );
  for (const { name, table } of stateMachines)
    await b.db.query(
      `CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON ${table}
       FOR EACH ROW EXECUTE FUNCTION platform.see('${name}')`,
    );
  return async () => {
    const rows = await b.db.query<{ machine: string; from: string | null; to: string | null }>(
      `SELECT DISTINCT machine, from_state AS from, to_state AS to FROM platform.seen
       WHERE from_state IS DISTINCT FROM to_state`,
    );
    return rows.map(({ machine, from, to }) => asText(machine, from, to)).toSorted();
  };
};

test('every move of the table is made by the program, so that none is unused', async () => {
  const { url } = await makeTestDatabase();
  const b = await openBooking({ url, rows: [[20]], waitMs: 50 });
  closers.push(b.close);
  const seen = await watchMoves(b);
  const paid = await b.order('acc_paid', [0]);
  await b.pay('acc_paid', paid.attemptId, paid.total);

  // Unknown first and resolved later: once paid, once declined.
  const bank = b.bank.behave;
  for (const [seat, ends] of [
    [2, 'approved'],
    [3, 'declined'],
  ] as const) {
    bank(async () => ({ kind: 'unknown', code: 'NO_ANSWER' }));
    const order = await b.order(`acc_${ends}`, [seat]);
    await b.pay(`acc_${ends}`, order.attemptId, order.total);
    bank(async (request) =>
      ends === 'approved' ? b.bank.approve(request) : { kind: 'declined', code: 'NO_MONEY' },
    );
    await b.payments.recover(true);
  }
  bank(async () => ({ kind: 'declined', code: 'NO_MONEY' }));
  const declined = await b.order('acc_declined', [4]);
  await b.pay('acc_declined', declined.attemptId, declined.total);

  // A settlement that fails: its answer is kept, and takes effect later.
  bank(async (request) => b.bank.approve(request));
  await b.db.query('ALTER TABLE tickets.tickets ADD CONSTRAINT none CHECK (false) NOT VALID');
  const unsettled = await b.order('acc_unsettled', [5]);
  await b.pay('acc_unsettled', unsettled.attemptId, unsettled.total).catch(() => {
    // The settlement fails by the constraint above; what matters is that its answer is kept.
  });
  await until('the answer is kept', async () => {
    const kept = await b.db.query("SELECT FROM payments.attempts WHERE state = 'ANSWERED'");
    return kept.length === 1;
  });
  await b.db.query('ALTER TABLE tickets.tickets DROP CONSTRAINT none');
  await b.payments.recover(true);

  const cancelled = await b.order('acc_cancels', [6]);
  await b.orders.cancel(cancelled.orderId, 'acc_cancels', 'test');
  const late = await b.order('acc_late', [7]);
  await endHold(b.db, late.holdId);
  await b.seats.sweep();
  const change = { performanceId: b.performanceId };
  const blocked = { seatNo: 8, gradeIndex: 0 };
  await b.stock.block(b.db, { ...change, block: [blocked], unblock: [] });
  await b.stock.block(b.db, { ...change, block: [], unblock: [8] });
  expect(await makeSeatStore(b.db).lapse(10)).toMatchObject({ lapsed: 0 });

  expect(await seen()).toEqual(allowed);
  expect((await checkInvariants(b.db)).violations).toEqual([]);
});

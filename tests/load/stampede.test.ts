import { expect, test } from 'vitest';
import { plantBug } from '../support/planted.ts';
import { openProgram, type Program } from '../support/program.ts';
import { until } from '../support/until.ts';
import { finish } from '../support/usher-process.ts';
import { leftIn, limitMs, reportIn, stampede } from './stampede-run.ts';

const allOf = ['I1', 'I2', 'I3', 'I4', 'I5', 'I8', 'I9', 'I11', 'I13', 'I14'];

test(
  'a stampede without a room, sixty people for thirty seats, keeps every promise',
  async () => {
    const words = ['--no-room', '--buyers', '60', '--seats', '30', '--seed', '11', '--json'];
    const { end, said, printed, folder } = await stampede(words);
    expect([await end, said()]).toEqual([0, expect.anything()]);
    expect(printed().trimEnd().split('\n')).toHaveLength(1);
    const report = reportIn(printed());
    expect(report).not.toHaveProperty('waitingMs');
    expect(report).toMatchObject({
      buyers: 60,
      seats: 30,
      doubleSold: 0,
      invariantViolations: 0,
      unknownPayments: 0,
      seatsHeld: 0,
      paidUntold: 0,
      isJournalDrained: true,
      notChecked: [],
    });
    expect(report.paidOrders).toBeGreaterThan(0);
    expect(report.ends.paid).toBe(report.paidOrders);
    expect(report.ticketsIssued).toBe(report.seatsSold);
    expect(report.ticketsIssued).toBeGreaterThanOrEqual(report.paidOrders);
    expect(report.ticketsIssued).toBeLessThanOrEqual(30);
    expect(report.invariantsChecked).toEqual(expect.arrayContaining(allOf));
    for (const { id, ok } of report.checks) expect({ id, ok }).toEqual({ id, ok: true });
    const ends = Object.values<number>(report.ends).reduce((sum, count) => sum + count, 0);
    expect(ends).toBe(60);
    expect(report.refusals.SEATS_TAKEN).toBeGreaterThan(0);
    for (const step of ['sign up', 'read seat map', 'hold', 'order', 'pay', 'read tickets']) {
      const { count, p50, p99, max } = report.latencyMs[step];
      expect(count, step).toBeGreaterThan(0);
      expect(p50, step).toBeLessThanOrEqual(p99);
      expect(p99, step).toBeLessThanOrEqual(max);
    }
    expect(leftIn(folder)).toEqual([]);
  },
  limitMs,
);

/** Forty people, with no thinking time, for some seats of a running server. */
const rushOn = async (program: Program, seats: number) => {
  const organiser = { email: 'night@example.com', password: 'the organiser of the night' };
  const account = { ...organiser, name: 'o', role: 'ORGANISER', locale: 'ko' } as const;
  await program.app.services.identity.ensureAccount(account);
  return stampede([
    '--no-room',
    '--buyers',
    '40',
    '--seats',
    String(seats),
    '--pace',
    '0',
    '--seed',
    '3',
    '--json',
    '--url',
    await program.listen(),
    '--database-url',
    program.databaseUrl,
    '--organiser',
    `${organiser.email}:${organiser.password}`,
    '--patience',
    '20',
  ]);
};

test(
  'guard on: of forty people who try to take one seat exactly one gets it',
  async () => {
    const program = await openProgram({ settings: { HOLD_TTL_MS: '5000' } });
    const { end, said, printed } = await rushOn(program, 1);
    expect([await end, said()]).toEqual([0, expect.anything()]);
    expect(JSON.parse(printed())).toMatchObject({
      paidOrders: 1,
      ticketsIssued: 1,
      seatsSold: 1,
      doubleSold: 0,
      invariantViolations: 0,
      invariantsChecked: expect.arrayContaining(allOf),
    });
    expect(program.errors).toEqual([]);
  },
  limitMs,
);

test(
  'guard off: a server that sells a seat twice is detected, by its buyers and by SQL',
  async () => {
    const program = await openProgram({ settings: { HOLD_TTL_MS: '5000' } });
    await plantBug(
      program.databaseUrl,
      'seats/sql/take.sql',
      [
        // Requests of one batch do not see what those before them took.
        { from: 'taken := taken || seat_window;', to: '' },
      ],
      `ALTER TABLE seats.claims DROP CONSTRAINT claims_pkey;
       ALTER TABLE seats.stock DROP CONSTRAINT stock_taken;
       DROP INDEX tickets.tickets_live_seat;`,
    );
    const { end, printed } = await rushOn(program, 20);
    expect(await end).toBe(3);
    const report = JSON.parse(printed());
    expect(report.doubleSold).toBeGreaterThan(0);
    const broken = report.checks.filter(({ ok }: { ok: boolean }) => !ok);
    expect(broken.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(['B1', 'I1']),
    );
  },
  limitMs,
);

test(
  'Ctrl-C ends the run, its server and its data',
  async () => {
    const { child, end, said, folder } = await stampede([
      '--no-room',
      '--buyers',
      '2000',
      '--seats',
      '10',
    ]);
    await until('people sign up', () => said().includes('sign-up'), limitMs);
    child.kill('SIGINT');
    expect(await end).toBe(1);
    expect(leftIn(folder)).toEqual([]);
  },
  limitMs,
);

test('an unreachable server fails the run, and a usage error has a different code', async () => {
  const absent = ['stampede', '--url', 'http://127.0.0.1:9', '--patience', '1', '--json'];
  const failed = await finish(absent, {});
  expect(failed.code).toBe(1);
  expect(failed.said).toContain('ECONNREFUSED');
  const wrong = await finish(['stampede', '--buyers', 'many'], {});
  expect([wrong.code, wrong.said]).toEqual([2, expect.stringContaining('--buyers must be')]);
});

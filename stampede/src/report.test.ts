import { expect, test } from 'vitest';
import { makeNotes } from './notes.ts';
import { isBroken, makeReport, renderReport, type SqlFindings } from './report.ts';
import type { RoomSample } from './room-audit.ts';
import { makeRoomReport } from './room-report.ts';
import { makeVisit, notePlace } from './visit.ts';

const promise = 'no two people hold a ticket for the same seat';
const reportOf = (sql: SqlFindings | null, breaches: string[] = []) => {
  const notes = makeNotes();
  notes.took('hold', 12);
  notes.refused('SEATS_TAKEN');
  notes.refused('SEATS_TAKEN');
  notes.retried('ECONNRESET');
  return makeReport({
    url: 'http://x',
    seed: 1,
    pace: 0.1,
    buyers: 9,
    seats: 4,
    paidOrders: 2,
    ticketsIssued: 4,
    revenueWon: 600_000,
    seatsSold: 4,
    seatsHeld: 0,
    unknownPayments: 0,
    doubleSold: breaches.length,
    paidUntold: 0,
    ends: { paid: 2, 'sold out': 7 },
    isJournalDrained: true,
    durationMs: { signUp: 1, sale: 2, settling: 3 },
    buyersChecks: [{ id: 'B1', promise, breaches }],
    sql,
    notes,
    notChecked: [],
    room: null,
  });
};
const allHeld: SqlFindings = { checked: ['I1', 'I3'], violations: [] };

test('a clean run lists what it checked and that everything held', () => {
  const report = reportOf(allHeld);
  expect(report).toMatchObject({
    buyers: 9,
    seats: 4,
    paidOrders: 2,
    ticketsIssued: 4,
    doubleSold: 0,
    invariantViolations: 0,
    invariantsChecked: ['I1', 'I3'],
    unknownPayments: 0,
    refusals: { SEATS_TAKEN: 2 },
    retries: { ECONNRESET: 1 },
    latencyMs: { hold: { count: 1, p50: 12, p99: 12, max: 12 } },
  });
  expect(isBroken(report)).toBe(false);
  expect(renderReport(report)).toContain('Every promise that was checked held.');
  expect(renderReport(report)).toContain('ok     I1 I3 by SQL');
});

test('a breach that only SQL finds breaks the run and is named', () => {
  const violations = [{ id: 'I3', promise: 'no ticket without money', what: 'w', which: 'tkt_9' }];
  const report = reportOf({ checked: ['I1', 'I3'], violations });
  expect(isBroken(report)).toBe(true);
  expect(report.invariantViolations).toBe(1);
  expect(renderReport(report)).toContain('BROKEN I3   no ticket without money');
  expect(renderReport(report)).toContain('I3: w: tkt_9');
  expect(renderReport(report)).toContain('ok     I1 by SQL');
});

test('a breach that only buyers find breaks the run too', () => {
  const report = reportOf(allHeld, ['seat 3']);
  expect(isBroken(report)).toBe(true);
  expect(report).toMatchObject({ doubleSold: 1, invariantViolations: 1 });
});

test('invariants that were not checked are not reported as held', () => {
  const report = reportOf(null);
  expect(report.invariantsChecked).toEqual([]);
  expect(report.notChecked).toHaveLength(1);
  expect(renderReport(report)).toContain('not checked: the invariants by SQL');
});

test('a run through the room also reports waits, admissions and checks', () => {
  const visit = makeVisit();
  const told = { number: 1, receipt: { entry: 0, key: 'k' } };
  notePlace(visit, told, { askedMs: 500, toldMs: 510, mayBeNew: false });
  visit.passToldMs = 4000;
  const sample: RoomSample = {
    askedMs: 3000,
    toldMs: 3005,
    epoch: 1,
    front: 1,
    tail: 1,
    waiting: 0,
    called: 0,
    late: 0,
    active: 1,
    admitted: 1,
    ratePerMinute: 120,
    activeMax: 3,
    seatsLeft: 4,
  };
  const made = makeRoomReport({
    visits: [visit, makeVisit()],
    samples: [sample],
    opensAtMs: 1000,
    claimWindowMs: 30_000,
    record: null,
    promised: null,
  });
  expect(made.room).toMatchObject({
    cameIn: 1,
    inversions: 0,
    duplicates: 0,
    aboveCap: 0,
    aboveRate: 0,
    placesChanged: 0,
    waitingMs: { count: 1, p50: 3000 },
    admissions: { people: 1, ratePerS: 2, activeMax: 3, mostAtOnce: 1 },
  });
  // A number without a record of its draw.
  expect(made.checks.filter(({ breaches }) => breaches.length > 0).map(({ id }) => id)).toEqual([
    'W9',
  ]);
  const report = { ...reportOf(allHeld), ...made.room };
  expect(renderReport(report)).toContain('waited p50 3.0 s');
});

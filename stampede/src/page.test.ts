import { expect, test } from 'vitest';
import type { Buyer } from './crowd.ts';
import { makeNotes } from './notes.ts';
import { renderPage } from './page.ts';
import { makeReport } from './report.ts';
import type { RoomSample } from './room-audit.ts';
import { makeRoomReport } from './room-report.ts';
import { binned, type Evening, timelineOf } from './timeline.ts';
import { makeVisit, notePlace } from './visit.ts';

const opensAtMs = 100_000;
const rate = { ratePerMinute: 60, activeMax: 5 };

/** Twenty people a second apart from 10 s before the opening, the first ten of them admitted. */
const evening = (change: (sample: RoomSample) => RoomSample = (sample) => sample): Evening => {
  const buyers = Array.from({ length: 20 }, (_, entry) => {
    const visit = makeVisit();
    const askedMs = opensAtMs - 10_000 + entry * 1000;
    const told = { number: entry + 1, receipt: { entry, key: `k${entry}` } };
    notePlace(visit, told, { askedMs, toldMs: askedMs + 5, mayBeNew: false });
    if (entry < 10) visit.passToldMs = opensAtMs + 2000 * (entry + 1);
    return { visit } as unknown as Buyer;
  });
  const samples = Array.from({ length: 100 }, (_, at) => {
    const askedMs = 90_000 + 300 * at;
    const counts = { front: at, tail: 100, waiting: 90 - at / 2, called: 1, late: 0, active: 3 };
    const sample = { askedMs, toldMs: askedMs + 5, epoch: 1, admitted: at / 10, ...counts };
    return change({ ...sample, ...rate, seatsLeft: Math.max(0, 20 - at) });
  });
  return { buyers, samples, startMs: 90_000, opensAtMs, endMs: 120_000 };
};

const reportOf = (night: Evening | null) => {
  const visits = night?.buyers.map(({ visit }) => visit) ?? [];
  const facts = { visits, samples: night?.samples ?? [], opensAtMs, claimWindowMs: 30_000 };
  const made = night === null ? null : makeRoomReport({ ...facts, record: null, promised: null });
  const notes = makeNotes();
  notes.took('hold', 12);
  return makeReport({
    url: 'http://x/?a=<b>',
    seed: 1,
    pace: 0.1,
    buyers: 20,
    seats: 20,
    paidOrders: 2,
    ticketsIssued: 4,
    revenueWon: 600_000,
    seatsSold: 4,
    seatsHeld: 0,
    unknownPayments: 0,
    doubleSold: 0,
    paidUntold: 0,
    ends: { paid: 2, 'sold out': 18 },
    isJournalDrained: true,
    durationMs: { signUp: 1, sale: 2, settling: 3 },
    buyersChecks: [...(made?.checks ?? []), { id: 'B9', promise: 'p', breaches: ['<i>'] }],
    sql: null,
    notes,
    notChecked: [],
    room: made?.room ?? null,
  });
};

test('the page is self-contained: it has no script and loads nothing', () => {
  const page = renderPage(reportOf(evening()), evening(), 0);
  expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\bsrc=|\bhref=|\bon\w+=/i);
  expect(page).toContain('prefers-color-scheme:dark');
  expect(page).toContain('name="viewport"');
});

test('text from a server or a breach is escaped', () => {
  const page = renderPage(reportOf(evening()), evening(), 0);
  expect(page).toContain('http://x/?a=&lt;b&gt;');
  expect(page).toContain('<li>&lt;i&gt;</li>');
});

test('a broken promise is shown first, with its breaches', () => {
  const page = renderPage(reportOf(evening()), evening(), 0);
  expect(page).toContain('a promise was broken');
  expect(page).toContain('<tr class="bad"><th scope="row">B9</th>');
});

test('the charts show cap and rate, and every figure of the room', () => {
  const page = renderPage(reportOf(evening()), evening(), 0);
  for (const title of ['Coming in', 'In line', 'Inside', 'Admitted', 'Sold', 'How long people'])
    expect(page).toContain(`<h2>${title}`);
  expect(page).toContain('cap 5');
  expect(page).toContain('rate 1');
  expect(page).not.toContain('NaN');
  expect(page).not.toContain('undefined');
});

test('the page of a run without a room has no charts of it', () => {
  const none = { buyers: [], samples: [], startMs: 0, opensAtMs: 0, endMs: 1000 };
  const page = renderPage(reportOf(null), none, 0);
  expect(page).not.toContain('Coming in');
  expect(page).toContain('How it ended');
  expect(page).not.toContain('NaN');
});

test('the buckets of the time line lose nobody', () => {
  const time = timelineOf(evening(), 20);
  const people = (perS: readonly number[]) =>
    Math.round(perS.reduce((sum, value) => sum + value * time.bucketS, 0));
  expect([people(time.arrivals), people(time.admissions)]).toEqual([20, 10]);
  expect([time.fromS, time.ratePerS, time.activeMax]).toEqual([-10, 1, 5]);
});

test('thinning keeps a moment above the cap', () => {
  const night = evening((sample) =>
    sample.toldMs > 105_000 && sample.toldMs < 105_300 ? { ...sample, active: 9 } : sample,
  );
  const many = Array.from({ length: 30 }, () => night.samples).flat();
  const most = timelineOf({ ...night, samples: many }, 20).samples;
  expect(most.length).toBeLessThanOrEqual(400);
  expect(Math.max(...most.map(({ active }) => active))).toBe(9);
});

test('waits are binned from zero to the longest, which is in the last bin', () => {
  expect(binned([0, 1, 5, 9.99, 10], 10, 2)).toEqual([2, 3]);
});

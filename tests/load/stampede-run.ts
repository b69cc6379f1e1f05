import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';
import { runUsher } from '../support/usher-process.ts';

/**
 * A server with demo data, password hashes, and people who learn a minute later that all is sold:
 * slow on a busy machine.
 */
export const limitMs = 600_000;

/** Runs to its end; its scratch server and data live below a folder of ours. */
export const stampede = async (words: readonly string[]) => {
  const folder = await scratchFolder();
  const running = runUsher(['stampede', ...words], { TMPDIR: folder });
  let printed = '';
  running.child.stdout?.on('data', (text: string) => {
    printed += text;
  });
  return { ...running, folder, printed: () => printed };
};

/** What is left of ours, which should be nothing; libraries may keep a cache there. */
export const leftIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith('usher'));

/** The JSON of a run, which is its last line. */
export const reportIn = (printed: string) => JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '');

const [buyers, seats] = [120, 30];
/** Options for a run through the waiting room, as fast as its polls allow. */
export const fewPeople = [
  '--buyers',
  String(buyers),
  '--seats',
  String(seats),
  '--pace',
  '0.03',
  '--json',
];

/** Checks what must hold for every run through the room, whatever happened to its store. */
export const expectFair = (report: ReturnType<typeof reportIn>): void => {
  for (const { id, ok, breaches } of report.checks)
    expect({ id, ok, breaches }).toMatchObject({ id, ok: true });
  expect(report).toMatchObject({
    buyers,
    seats,
    doubleSold: 0,
    invariantViolations: 0,
    seatsHeld: 0,
    seatsSold: seats,
    inversions: 0,
    duplicates: 0,
    placesChanged: 0,
    aboveCap: 0,
    aboveRate: 0,
    fairness: { outcome: 'verified' },
    notChecked: [],
  });
  // People who arrive after the last sale are not let in.
  expect(report.cameIn).toBeGreaterThanOrEqual(report.admissions.people);
  const { waitingMs, admissions, late, fairness, askedAgain } = report;
  expect(waitingMs.count).toBe(admissions.people);
  expect(admissions.people).toBeGreaterThanOrEqual(report.paidOrders);
  expect(admissions.mostAtOnce).toBeGreaterThan(0);
  expect(admissions.mostAtOnce).toBeLessThanOrEqual(admissions.activeMax);
  expect(admissions.mostSlots).toBeLessThanOrEqual(admissions.activeMax);
  expect(late.admitted).toBeLessThanOrEqual(late.people);
  expect(askedAgain).toBeGreaterThan(0);
  expect(fairness.entries).toBeGreaterThan(0);
  expect(fairness.receiptsChecked).toBeGreaterThanOrEqual(admissions.people);
  const ends = Object.values<number>(report.ends).reduce((sum, count) => sum + count, 0);
  expect(ends).toBe(buyers);
};

import type { Check } from './audit.ts';
import type { End } from './crowd.ts';
import { type Latency, latencyOf } from './histogram.ts';
import type { Notes } from './notes.ts';
import type { RoomReport } from './room-report.ts';

/** What the SQL of the invariants found. */
export type SqlFindings = {
  checked: readonly string[];
  violations: readonly { id: string; promise: string; what: string; which: string }[];
};

export type Report = SaleReport & Partial<RoomReport>;

type SaleReport = {
  url: string;
  seed: number;
  pace: number;
  buyers: number;
  seats: number;
  paidOrders: number;
  ticketsIssued: number;
  revenueWon: number;
  seatsSold: number;
  /** Seats still held when the run stopped waiting. */
  seatsHeld: number;
  doubleSold: number;
  unknownPayments: number;
  /** Orders that are paid although their buyers never got the response. */
  paidUntold: number;
  invariantViolations: number;
  invariantsChecked: readonly string[];
  /** Promises that could not be checked, each with the reason. */
  notChecked: readonly string[];
  checks: readonly { id: string; promise: string; ok: boolean; breaches: readonly string[] }[];
  isJournalDrained: boolean;
  ends: Readonly<Partial<Record<End, number>>>;
  refusals: Readonly<Record<string, number>>;
  retries: Readonly<Record<string, number>>;
  latencyMs: Readonly<Record<string, Latency>>;
  durationMs: { signUp: number; sale: number; settling: number };
};

/** Breaches are listed up to this many; all of them are counted. */
const breachesShownMax = 20;

export const makeReport = (
  facts: Omit<
    SaleReport,
    'checks' | 'invariantViolations' | 'invariantsChecked' | 'refusals' | 'retries' | 'latencyMs'
  > & {
    buyersChecks: readonly Check[];
    sql: SqlFindings | null;
    notes: Notes;
    /** null: the sale had no waiting room. */
    room: RoomReport | null;
  },
): Report => {
  const { buyersChecks, sql, notes, room, ...rest } = facts;
  const sqlChecks = sql === null ? [] : checksOf(sql);
  const noSql = 'the invariants by SQL: the database is not known; --database-url names it';
  const checks = [...buyersChecks, ...sqlChecks];
  return {
    ...rest,
    checks: checks.map(({ id, promise, breaches }) => ({
      id,
      promise,
      ok: breaches.length === 0,
      breaches: breaches.slice(0, breachesShownMax),
    })),
    invariantViolations: checks.reduce((sum, { breaches }) => sum + breaches.length, 0),
    invariantsChecked: sqlChecks.map(({ id }) => id),
    notChecked: sql === null ? [...facts.notChecked, noSql] : facts.notChecked,
    refusals: notes.refusals,
    retries: notes.retries,
    latencyMs: Object.fromEntries(
      [...notes.steps].map(([step, histogram]) => [step, latencyOf(histogram)]),
    ),
    ...room,
  };
};

const checksOf = ({ checked, violations }: SqlFindings): Check[] =>
  checked.map((id) => {
    const broken = violations.filter((violation) => violation.id === id);
    const promise = broken[0]?.promise ?? 'an invariant of the booking core, checked by SQL';
    return { id, promise, breaches: broken.map(({ what, which }) => `${what}: ${which}`) };
  });

export const isBroken = ({ doubleSold, invariantViolations }: Report): boolean =>
  doubleSold > 0 || invariantViolations > 0;

const number = (value: number): string => value.toLocaleString('en-GB');
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** The report as text. */
export const renderReport = (report: Report): string => {
  const lines = [
    '',
    `  ${number(report.buyers)} buyers, ${number(report.seats)} seats, seed ${report.seed}`,
    '',
    `  paid orders    ${number(report.paidOrders)}`,
    `  tickets        ${number(report.ticketsIssued)} of ${number(report.seats)} seats`,
    `  revenue        ₩${number(report.revenueWon)}`,
    `  double-sold    ${report.doubleSold}`,
    `  unknown        ${report.unknownPayments} payments`,
    ...(report.paidUntold > 0
      ? [`  unreported     ${report.paidUntold} paid orders whose response was lost`]
      : []),
    ...(report.seatsHeld > 0 ? [`  still held     ${report.seatsHeld} seats`] : []),
    ...(report.isJournalDrained
      ? []
      : ['  events         not all delivered when the run stopped waiting']),
    '',
    ...roomLines(report),
    ...counts('outcome for the people', report.ends),
    ...counts('refused, by reason', report.refusals),
    ...counts('retried with the same key, by cause', report.retries),
    `  ${'milliseconds'.padEnd(20)}${['calls', 'p50', 'p99', 'p99.9', 'max'].map(cell).join('')}`,
    ...Object.entries(report.latencyMs).map(latencyLine),
    '',
    ...report.checks
      .filter(({ id, ok }) => !ok || !report.invariantsChecked.includes(id))
      .map(({ id, promise, ok }) => `  ${ok ? 'ok    ' : 'BROKEN'} ${id.padEnd(4)} ${promise}`),
    ...kept(report),
    ...report.checks.flatMap(({ id, breaches }) => breaches.map((text) => `    ${id}: ${text}`)),
    ...report.notChecked.map((text) => `  not checked: ${text}`),
    '',
    isBroken(report)
      ? `  ${report.invariantViolations} breaches: a promise was broken.`
      : '  Every promise that was checked held.',
    '',
  ];
  return lines.join('\n');
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const roomLines = ({ cameIn, waitingMs, admissions, late, askedAgain, ...rest }: Report) => {
  if (waitingMs === undefined || admissions === undefined || late === undefined) return [];
  const { people, perS, perSMax, ratePerS, activeMax, mostAtOnce } = admissions;
  const { inversions, duplicates, fairness } = rest;
  const wait = `p50 ${seconds(waitingMs.p50)}, p99 ${seconds(waitingMs.p99)}`;
  return [
    `  joined         ${number(cameIn ?? 0)}; asked again ${number(askedAgain ?? 0)} times`,
    `  admitted       ${number(people)}, waited ${wait}`,
    `  a second       ${perS}, at most ${perSMax}; the rate is ${ratePerS.toFixed(1)}`,
    `  at once        ${number(mostAtOnce)} called or active; the cap is ${number(activeMax)}`,
    `  late           ${late.people}, of whom ${late.admitted} were admitted`,
    `  inversions     ${inversions}`,
    `  duplicates     ${duplicates}`,
    `  draw           ${fairness?.outcome}, ${number(fairness?.receiptsChecked ?? 0)} receipts`,
    '',
  ];
};

/** The invariants that hold, in one line: their texts are in docs/ARCHITECTURE.md. */
const kept = ({ checks, invariantsChecked }: Report): string[] => {
  const ids = checks.filter(({ id, ok }) => ok && invariantsChecked.includes(id));
  return ids.length === 0 ? [] : [`  ok     ${ids.map(({ id }) => id).join(' ')} by SQL`];
};

const latencyLine = ([step, latency]: [string, Latency]): string => {
  const { count, p50, p99, p999, max } = latency;
  const cells = [number(count), ...[p50, p99, p999, max].map(ms)].map(cell);
  return `  ${step.padEnd(20)}${cells.join('')}`;
};

const cell = (text: string): string => text.padStart(10);

const counts = (title: string, values: Readonly<Record<string, number>>): string[] => {
  const entries = Object.entries(values).sort(([, a], [, b]) => b - a);
  if (entries.length === 0) return [];
  return [
    `  ${title}`,
    ...entries.map(([name, count]) => `    ${name.padEnd(34)}${number(count).padStart(8)}`),
    '',
  ];
};

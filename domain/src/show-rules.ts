import type { NamedGrade } from './grades.ts';
import { periodOf } from './ranking-period.ts';

/** The state of a sale, by the server's clock. */
export const saleStates = ['UPCOMING', 'ON_SALE', 'SOLD_OUT', 'CLOSED'] as const;
export type SaleState = (typeof saleStates)[number];

/** What is wrong with a show, by the field that has to be fixed. */
export type RuleFault = { path: string; message: string };

/** More would not fit a season; bounds what is kept in memory for a show. */
export const maxPerformances = 2000;

/** Every rule that the show breaks; empty if it may be sold. */
export const showFaults = (show: {
  grades: readonly NamedGrade[];
  /** Codes that seats are painted with; null if the painting itself has faults. */
  paintedGrades: readonly string[] | null;
  saleOpensAtMs: number;
  saleClosesAtMs: number;
  performancesStartAtMs: readonly number[];
}): RuleFault[] => {
  const { grades, paintedGrades, saleOpensAtMs, saleClosesAtMs, performancesStartAtMs } = show;
  const faults: RuleFault[] = [];
  const codes = grades.map(({ code }) => code);
  for (const [i, code] of codes.entries()) {
    const path = `grades.${i}.code`;
    if (codes.indexOf(code) < i) faults.push({ path, message: `grade ${code} is listed twice` });
    else if (paintedGrades !== null && !paintedGrades.includes(code))
      faults.push({ path, message: `no seat is painted with grade ${code}` });
  }
  for (const language of ['ko', 'en'] as const) {
    const names = grades.map(({ name }) => name[language]);
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i) {
        const path = `grades.${i}.name.${language}`;
        faults.push({ path, message: `another grade is called ${name}` });
      }
  }
  for (const code of paintedGrades ?? [])
    if (!codes.includes(code))
      faults.push({
        path: 'grades',
        message: `seats are painted with ${code}, which has no price`,
      });
  if (saleClosesAtMs <= saleOpensAtMs)
    faults.push({ path: 'saleClosesAt', message: 'the sale must close after it opens' });
  const tooEarly = performancesStartAtMs.filter((startsAtMs) => startsAtMs <= saleOpensAtMs);
  if (tooEarly.length > 0)
    faults.push({
      path: 'saleOpensAt',
      message: `${tooEarly.length} of the performances would start before the sale opens`,
    });
  return faults;
};

/** Every rule that new performances of a show break. */
export const performanceFaults = (added: {
  startsAtMs: readonly number[];
  existingStartAtMs: readonly number[];
  saleOpensAtMs: number;
  nowMs: number;
}): RuleFault[] => {
  const { startsAtMs, existingStartAtMs, saleOpensAtMs, nowMs } = added;
  const faults: RuleFault[] = [];
  const taken = new Set(existingStartAtMs);
  for (const [i, atMs] of startsAtMs.entries()) {
    const say = (message: string) => faults.push({ path: `startsAt.${i}`, message });
    if (taken.has(atMs)) say('the show has another performance at this time');
    if (atMs <= nowMs) say('this time has passed');
    if (atMs <= saleOpensAtMs) say('a performance must start after the sale opens');
    taken.add(atMs);
  }
  if (existingStartAtMs.length + startsAtMs.length > maxPerformances)
    faults.push({
      path: 'startsAt',
      message: `a show has at most ${maxPerformances} performances`,
    });
  return faults;
};

/** Numbers performances by their start within the day, in the venue's time zone. */
export const withRounds = <Performance extends { id: string; startsAtMs: number }>(
  performances: readonly Performance[],
  timeZone: string,
): (Performance & { round: number })[] => {
  const rounds = new Map<string, number>();
  return performances
    .toSorted((a, b) => a.startsAtMs - b.startsAtMs)
    .map((performance) => {
      const day = periodOf(performance.startsAtMs, 'DAY', timeZone).key;
      const round = (rounds.get(day) ?? 0) + 1;
      rounds.set(day, round);
      return { ...performance, round };
    });
};

/** What is wrong with blocking or unblocking these seats. */
export const blockFaults = (
  change: { block: readonly number[]; unblock: readonly number[] },
  seatCount: number,
): RuleFault[] => {
  const faults: RuleFault[] = [];
  const named = new Set<number>();
  for (const list of ['block', 'unblock'] as const)
    for (const [i, seatNo] of change[list].entries()) {
      const path = `${list}.${i}`;
      if (seatNo >= seatCount) faults.push({ path, message: `there is no seat ${seatNo}` });
      else if (named.has(seatNo)) faults.push({ path, message: `seat ${seatNo} is named twice` });
      named.add(seatNo);
    }
  return faults;
};

/** Seoul has had no summer time since 1988, so its clock is UTC plus nine hours. */
const seoulOffsetMs = 9 * 3_600_000;
const dayMs = 86_400_000;

/** As Date.getUTCDay counts: 0 is Sunday. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** Times of day by weekday; on a missing weekday there is no performance. */
export type WeeklyTimes = Partial<Record<Weekday, string[]>>;

/** A run of performances, in days from today in Seoul. */
export type Run = {
  fromDay: number;
  /** The run begins on the first such weekday; without it on `fromDay` itself. */
  weekday?: Weekday;
  days: number;
  times: WeeklyTimes;
};

/** Starts of all performances of the run, ascending. */
export const startsOf = (nowMs: number, { fromDay, weekday, days, times }: Run): number[] => {
  const starts: number[] = [];
  let first = dayInSeoul(nowMs) + fromDay;
  while (weekday !== undefined && weekdayOf(first) !== weekday) first += 1;
  for (let day = first; day < first + days; day++) {
    for (const time of times[weekdayOf(day)] ?? []) {
      const [hours = 0, minutes = 0] = time.split(':').map(Number);
      starts.push(day * dayMs + (hours * 60 + minutes) * 60_000 - seoulOffsetMs);
    }
  }
  return starts;
};

const dayInSeoul = (nowMs: number): number => Math.floor((nowMs + seoulOffsetMs) / dayMs);

const weekdayOf = (day: number): Weekday => new Date(day * dayMs).getUTCDay() as Weekday;

/** When the clock in Seoul shows that hour, this many days from today. */
export const seoulTime = (nowMs: number, days: number, hour: number): number =>
  (dayInSeoul(nowMs) + days) * dayMs + hour * 3_600_000 - seoulOffsetMs;

/** Such as 2026.12.04, as posters write it. */
export const posterDate = (atMs: number): string =>
  new Date(atMs + seoulOffsetMs).toISOString().slice(0, 10).replaceAll('-', '.');

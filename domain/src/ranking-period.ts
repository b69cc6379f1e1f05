/** DAY from midnight, WEEK from Thursday midnight, MONTH from midnight of the 1st. */
export const rankingPeriods = ['DAY', 'WEEK', 'MONTH'] as const;
export type RankingPeriod = (typeof rankingPeriods)[number];

export type PeriodBounds = {
  startAtMs: number;
  /** The first instant that no longer belongs to it, and the start of the next. */
  endAtMs: number;
  /** `DAY:2026-11-21`, `WEEK:2026-11-19` (its Thursday), `MONTH:2026-11`. */
  key: string;
};

const dayMs = 86_400_000;
const thursday = 4;

/**
 * The period that contains the instant, in an IANA time zone. Periods adjoin without gap or
 * overlap, even where clocks change at midnight: a day without a midnight begins at its first
 * instant, and of two midnights the first one counts. Takes 50 µs: cache the result until its end.
 * Throws RangeError for an unknown zone.
 */
export const periodOf = (nowMs: number, period: RankingPeriod, timeZone: string): PeriodBounds => {
  let first = firstDay(localDay(nowMs, timeZone), period);
  // Clocks set back past midnight show the old date again although the new period has begun.
  if (startOfDay(nextFirstDay(first, period), timeZone) <= nowMs) {
    first = nextFirstDay(first, period);
  }
  const date = new Date(first * dayMs).toISOString().slice(0, period === 'MONTH' ? 7 : 10);
  return {
    startAtMs: startOfDay(first, timeZone),
    endAtMs: startOfDay(nextFirstDay(first, period), timeZone),
    key: `${period}:${date}`,
  };
};

/** Days are counted from 1970-01-01, a Thursday, as local dates. */
const firstDay = (day: number, period: RankingPeriod): number => {
  if (period === 'DAY') return day;
  const date = new Date(day * dayMs);
  if (period === 'WEEK') return day - ((date.getUTCDay() - thursday + 7) % 7);
  return day - date.getUTCDate() + 1;
};

const nextFirstDay = (first: number, period: RankingPeriod): number => {
  if (period === 'DAY') return first + 1;
  if (period === 'WEEK') return first + 7;
  const date = new Date(first * dayMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / dayMs;
};

const localDay = (atMs: number, timeZone: string): number =>
  Math.floor(localMs(atMs, timeZone) / dayMs);

/** First instant whose local date is that day or, if the zone skips it, a later one. */
const startOfDay = (day: number, timeZone: string): number => {
  const midnight = day * dayMs;
  // No zone is more than 14 h from UTC, and none changes twice within two days.
  const earlier = midnight - offsetMs(midnight - dayMs, timeZone);
  const later = midnight - offsetMs(midnight + dayMs, timeZone);
  for (const candidate of [Math.min(earlier, later), Math.max(earlier, later)]) {
    if (localMs(candidate, timeZone) === midnight) return candidate;
  }
  let [before, after] = [Math.min(earlier, later) - 1, Math.max(earlier, later)];
  while (after - before > 1) {
    const between = Math.floor((before + after) / 2);
    if (localMs(between, timeZone) < midnight) before = between;
    else after = between;
  }
  return after;
};

const offsetMs = (atMs: number, timeZone: string): number => localMs(atMs, timeZone) - atMs;

/** The local wall-clock time, as if it were UTC. */
const localMs = (atMs: number, timeZone: string): number => {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(atMs)) {
    parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const wholeSeconds = Date.UTC(year, month - 1, day, hour, minute, second);
  return wholeSeconds + (((atMs % 1000) + 1000) % 1000);
};

/** Creating one takes far longer than using it (5 µs). */
const formatters = new Map<string, Intl.DateTimeFormat>();

const formatterOf = (timeZone: string): Intl.DateTimeFormat => {
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
};

import type { Locale } from '@usher/domain/text.ts';

const formats = {
  ko: ['ko-KR', { dateStyle: 'full', timeStyle: 'short' }],
  en: ['en-GB', { dateStyle: 'full', timeStyle: 'short' }],
  wall: ['sv-SE', { dateStyle: 'short', timeStyle: 'medium' }],
  offset: ['en-GB', { timeZoneName: 'longOffset' }],
} as const;

/** Creating a formatter takes 0.5 ms; there is at most one per time zone. */
const formatters = new Map<string, Intl.DateTimeFormat>();

const inZone = (name: keyof typeof formats, timeZone: string): Intl.DateTimeFormat => {
  const key = `${name} ${timeZone}`;
  const [language, options] = formats[name];
  const format = formatters.get(key) ?? new Intl.DateTimeFormat(language, { ...options, timeZone });
  formatters.set(key, format);
  return format;
};

/** Date, weekday and time at the venue: `2026년 12월 24일 목요일 오후 7:30`. */
export const formatStart = (startsAt: string, timeZone: string, locale: Locale): string =>
  inZone(locale, timeZone).format(Date.parse(startsAt));

/** What the zone's clock shows: `2026-12-24 19:30:00`. */
export const formatWall = (atMs: number, timeZone: string): string =>
  inZone('wall', timeZone).format(atMs);

/** `+09:00`: how far the venue's clock is from UTC at that moment. */
export const formatOffset = (atMs: number, timeZone: string): string => {
  const parts = inZone('offset', timeZone).formatToParts(atMs);
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
  return name.replace('GMT', '') || '+00:00';
};

/** Minutes that an offset such as `-04:30` is ahead of UTC. */
export const parseOffset = (offset: string): number => {
  const [hours = '', minutes = ''] = offset.slice(1).split(':');
  const size = Number(hours) * 60 + Number(minutes);
  return offset.startsWith('-') ? -size : size;
};

/** A change of a zone's clock. Offsets are as `formatOffset` writes them. */
export type ZoneChange = { readonly atMs: number; readonly from: string; readonly to: string };

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
/** No zone has two changes within a week. */
const strideMs = 7 * dayMs;

/** The changes of a zone's clock between two whole minutes. 0.3 ms for a year. */
export const listZoneChanges = (timeZone: string, fromMs: number, toMs: number): ZoneChange[] => {
  const changes: ZoneChange[] = [];
  let startMs = fromMs;
  let from = formatOffset(startMs, timeZone);
  while (startMs < toMs) {
    const endMs = Math.min(startMs + strideMs, toMs);
    const to = formatOffset(endMs, timeZone);
    if (to !== from) {
      // Before the change and at it or after: halved until a minute is between them.
      let [beforeMs, atMs] = [startMs, endMs];
      while (atMs - beforeMs > minuteMs) {
        const middleMs = Math.floor((beforeMs + atMs) / 2 / minuteMs) * minuteMs;
        if (formatOffset(middleMs, timeZone) === from) beforeMs = middleMs;
        else atMs = middleMs;
      }
      changes.push({ atMs, from, to });
      from = to;
    }
    startMs = endMs;
  }
  return changes;
};

/**
 * Whether the zone's clock shows this time for the second time: it was set back within the last
 * day, and this is in the repeated hour.
 */
export const isRepeatedTime = (atMs: number, timeZone: string): boolean => {
  const before = parseOffset(formatOffset(atMs - dayMs, timeZone));
  const setBackMinutes = before - parseOffset(formatOffset(atMs, timeZone));
  if (setBackMinutes <= 0) return false;
  const earlierMs = atMs - setBackMinutes * minuteMs;
  return parseOffset(formatOffset(earlierMs, timeZone)) === before;
};

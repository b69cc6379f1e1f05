import { seatMarks } from '@usher/domain/layout.ts';
import ical, { type ICalDayJsStub } from 'ical-generator';
import { nameTask } from '../../platform/side-thread.ts';
import type { PrintedTickets } from './render.ts';
import { joinNames, oneLine } from './texts.ts';
import { formatOffset, formatWall, isRepeatedTime, listZoneChanges, parseOffset } from './zone.ts';

/** The only part of a date library that ical-generator needs: wall-clock times. */
const wallClock = (atMs: number, timeZone: string): ICalDayJsStub => {
  const at = new Date(atMs);
  const wall = formatWall(atMs, timeZone);
  const [date = '', time = ''] = wall.split(' ').map((part) => part.replace(/\D/g, ''));
  const self: ICalDayJsStub = {
    format: (pattern) => (pattern === 'HHmmss' ? time : date),
    isValid: () => true,
    toDate: () => at,
    toJSON: () => at.toISOString(),
    tz: () => self,
  };
  return self;
};

/** `20261101T020000`: an instant on a clock with this offset. */
const formatLocal = (atMs: number, offset: string): string =>
  new Date(atMs + parseOffset(offset) * 60_000)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '');

type Observance = {
  readonly kind: 'STANDARD' | 'DAYLIGHT';
  /** On the clock that was valid until then. */
  readonly startsAt: string;
  readonly from: string;
  readonly to: string;
};

const isForward = (from: string, to: string): boolean => parseOffset(to) > parseOffset(from);

/**
 * The rules of a zone around an instant, as RFC 5545 wants them: every change of its clock from the
 * year before to the year after. A program that knows the zone uses its own rules; one that does
 * not still shows the right time on both sides of a change.
 */
const listObservances = (timeZone: string, atMs: number): Observance[] => {
  const year = new Date(atMs).getUTCFullYear();
  const fromMs = Date.UTC(year - 1, 0, 1);
  const changes = listZoneChanges(timeZone, fromMs, Date.UTC(year + 2, 0, 1));
  const offset = formatOffset(fromMs, timeZone);
  const [next] = changes;
  if (next === undefined)
    return [{ kind: 'STANDARD', startsAt: '19700101T000000', from: offset, to: offset }];
  const first: Observance = {
    kind: isForward(next.from, next.to) ? 'STANDARD' : 'DAYLIGHT',
    startsAt: formatLocal(fromMs, offset),
    from: offset,
    to: offset,
  };
  const later = changes.map(
    (change): Observance => ({
      kind: isForward(change.from, change.to) ? 'DAYLIGHT' : 'STANDARD',
      startsAt: formatLocal(change.atMs, change.from),
      from: change.from,
      to: change.to,
    }),
  );
  return [first, ...later];
};

const describeZone = (timeZone: string, atMs: number): string => {
  const observances = listObservances(timeZone, atMs).map(({ kind, startsAt, from, to }) =>
    [
      `BEGIN:${kind}`,
      `DTSTART:${startsAt}`,
      `TZOFFSETFROM:${from.replace(':', '')}`,
      `TZOFFSETTO:${to.replace(':', '')}`,
      `END:${kind}`,
    ].join('\r\n'),
  );
  return ['BEGIN:VTIMEZONE', `TZID:${timeZone}`, ...observances, 'END:VTIMEZONE'].join('\r\n');
};

type CalendarInput = {
  readonly tickets: PrintedTickets;
  readonly runningTimeMinutes: number | undefined;
};

/**
 * The performance as a calendar entry; `runningTimeMinutes` undefined: without an end. The same
 * order gives the same UID.
 */
export const renderCalendar = (
  tickets: PrintedTickets,
  runningTimeMinutes: number | undefined,
): string => {
  const [first] = tickets;
  const { timeZone, showTitle, venueName, venueAddress } = first;
  const startsAtMs = Date.parse(first.startsAt);
  const endsAtMs =
    runningTimeMinutes === undefined ? null : startsAtMs + runningTimeMinutes * 60_000;
  // A time that the clock shows twice means the first one, so the second is written in UTC.
  const isInUtc = [startsAtMs, endsAtMs ?? startsAtMs].some((at) => isRepeatedTime(at, timeZone));
  const timeOf = (atMs: number) => (isInUtc ? new Date(atMs) : wallClock(atMs, timeZone));
  const seats = tickets.map(({ seat }) =>
    oneLine(
      [joinNames(seat.gradeName), joinNames(seat.section), `${seat.row}열`, `${seat.label}번`]
        .concat(seat.mark === null ? [] : joinNames(seatMarks[seat.mark]))
        .join(' '),
    ),
  );
  const calendar = ical({
    prodId: '//Usher//Usher//KO',
    timezone: { name: null, generator: (zone) => describeZone(zone, startsAtMs) },
  });
  calendar.createEvent({
    id: `${first.orderId}@usher`,
    stamp: new Date(first.issuedAt),
    ...(isInUtc ? {} : { timezone: timeZone }),
    start: timeOf(startsAtMs),
    ...(endsAtMs === null ? {} : { end: timeOf(endsAtMs) }),
    summary: joinNames(showTitle),
    location: `${joinNames(venueName)}, ${joinNames(venueAddress)}`,
    description: [...seats, first.orderId].join('\n'),
  });
  // RFC 5545, 3.1: every line ends with CR LF, the last one, too.
  return `${calendar.toString().trimEnd()}\r\n`;
};

/** Exported because the side thread finds it by its name; see nameTask. */
export const drawCalendar = (input: CalendarInput): string =>
  renderCalendar(input.tickets, input.runningTimeMinutes);
export const calendarTask = nameTask<CalendarInput, string>(import.meta.url, 'drawCalendar');

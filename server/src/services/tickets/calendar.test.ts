import { sampleTicket as ticket } from '@usher/tests/support/sample-ticket.ts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { renderCalendar } from './calendar.ts';
import type { PrintedTicket } from './render.ts';

/** Content lines as a calendar program reads them (RFC 5545, 3.1). */
const unfold = (calendar: string): string[] => calendar.replaceAll('\r\n ', '').split('\r\n');

afterEach(() => vi.unstubAllEnvs());

describe('a calendar entry', () => {
  const second: PrintedTicket = {
    ...ticket,
    id: 'tkt_01jd8zk3v7q2m4x6t9w1y5b0cf',
    seat: { ...ticket.seat, seatNo: 8, label: '35' },
  };

  test('has the venue’s zone and wall-clock time, wherever the server runs', () => {
    for (const zone of ['UTC', 'America/New_York', 'Asia/Tokyo']) {
      vi.stubEnv('TZ', zone);
      const lines = unfold(renderCalendar([ticket], 150));
      expect(lines).toContain('DTSTART;TZID=Asia/Seoul:20261224T193000');
      expect(lines).toContain('DTEND;TZID=Asia/Seoul:20261224T220000');
      expect(lines).toContain('DTSTAMP:20261101T000000Z');
      expect(lines).toContain('TZID:Asia/Seoul');
      expect(lines).toContain('TZOFFSETTO:+0900');
    }
  });

  test('in a zone with summer time has the offset of its day', () => {
    const paris = { ...ticket, timeZone: 'Europe/Paris', startsAt: '2026-07-01T18:00:00.000Z' };
    const lines = unfold(renderCalendar([paris], undefined));
    expect(lines).toContain('DTSTART;TZID=Europe/Paris:20260701T200000');
    expect(lines).toContain('TZOFFSETTO:+0200');
  });

  test('has no end if the running time is unknown', () => {
    expect(renderCalendar([ticket], undefined)).not.toContain('DTEND');
  });

  test('of the same order always has the same UID, and lists all its seats', () => {
    const lines = unfold(renderCalendar([ticket, second], 150));
    expect(lines.filter((line) => line.startsWith('UID:'))).toEqual([
      `UID:${ticket.orderId}@usher`,
    ]);
    expect(renderCalendar([ticket, second], 150)).toBe(renderCalendar([ticket, second], 150));
    const description = lines.find((line) => line.startsWith('DESCRIPTION:'));
    expect(description).toContain(
      'VIP석 (VIP) 나구역 (Block B) 12열 34번\\nVIP석 (VIP) 나구역 (Block B) 12열 35번',
    );
  });

  test('gets no extra property from a title or venue of several lines', () => {
    const evil = { ko: '제목\r\nATTENDEE:mailto:a@b.c', en: 'x; y, z\nEND:VEVENT' };
    const lines = unfold(renderCalendar([{ ...ticket, showTitle: evil, venueName: evil }], 150));
    expect(lines.filter((line) => /^(?:ATTENDEE|END:VEVENT)/.test(line))).toEqual(['END:VEVENT']);
    expect(lines).toContain('SUMMARY:제목 ATTENDEE:mailto:a@b.c (x\\; y\\, z END:VEVENT)');
  });
});

type Rule = { readonly startsAt: string; readonly offsetMinutes: number };

/** The rules of the entry's zone, as a program reads them that knows no zones itself. */
const readRules = (lines: readonly string[]): Rule[] => {
  const rules: Rule[] = [];
  let startsAt = '';
  for (const line of lines.slice(0, lines.indexOf('END:VTIMEZONE'))) {
    const [name, value = ''] = line.split(':');
    if (name === 'DTSTART') startsAt = value;
    if (name !== 'TZOFFSETTO') continue;
    const minutes = Number(value.slice(1, 3)) * 60 + Number(value.slice(3, 5));
    rules.push({ startsAt, offsetMinutes: value.startsWith('-') ? -minutes : minutes });
  }
  return rules;
};

/** The instant of DTSTART or DTEND by these rules, in milliseconds. */
const readInstant = (lines: readonly string[], property: string, rules: readonly Rule[]) => {
  const value = lines.findLast((line) => new RegExp(`^${property}[;:]`).test(line));
  const [, year, month, day, hour, minute, utc] =
    /:(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\d(Z?)$/.exec(value ?? '') ?? [];
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
  );
  if (utc === 'Z') return local;
  const text = `${year}${month}${day}T${hour}${minute}00`;
  const rule = rules.findLast(({ startsAt }) => startsAt <= text);
  return local - (rule?.offsetMinutes ?? Number.NaN) * 60_000;
};

describe('the zone of a calendar entry', () => {
  // The clock is set back or forward in each of these zones within the listed days.
  const nights: [zone: string, from: string][] = [
    ['America/New_York', '2026-10-31T12:00:00.000Z'],
    ['America/New_York', '2027-03-13T12:00:00.000Z'],
    ['Europe/Dublin', '2026-10-24T12:00:00.000Z'],
    ['Australia/Lord_Howe', '2027-04-03T00:00:00.000Z'],
    ['America/Santiago', '2026-09-05T12:00:00.000Z'],
    ['Africa/Casablanca', '2027-02-06T12:00:00.000Z'],
    ['Asia/Kathmandu', '2026-10-31T12:00:00.000Z'],
  ];

  test.each(nights)('gives every half hour around a change in %s its instant', (timeZone, from) => {
    for (let halfHours = 0; halfHours < 96; halfHours++) {
      const startsAtMs = Date.parse(from) + halfHours * 30 * 60_000;
      const startsAt = new Date(startsAtMs).toISOString();
      const lines = unfold(renderCalendar([{ ...ticket, timeZone, startsAt }], 180));
      const rules = readRules(lines);
      expect(readInstant(lines, 'DTSTART', rules), startsAt).toBe(startsAtMs);
      expect(readInstant(lines, 'DTEND', rules), startsAt).toBe(startsAtMs + 180 * 60_000);
    }
  });

  test('with only the offset of the start would end an hour late in the night of a change', () => {
    const show = { ...ticket, timeZone: 'America/New_York', startsAt: '2026-11-01T04:30:00.000Z' };
    const lines = unfold(renderCalendar([show], 180));
    const rules = readRules(lines);
    const offsetMinutes = -240;
    const ofStart = [{ startsAt: '19700101T000000', offsetMinutes }];
    expect(readInstant(lines, 'DTEND', rules)).toBe(Date.parse('2026-11-01T07:30:00.000Z'));
    expect(readInstant(lines, 'DTEND', ofStart)).toBe(Date.parse('2026-11-01T06:30:00.000Z'));
  });

  test('has a rule for each change from the year before to the year after', () => {
    const paris = { ...ticket, timeZone: 'Europe/Paris', startsAt: '2026-07-01T18:00:00.000Z' };
    const lines = unfold(renderCalendar([paris], undefined));
    expect(readRules(lines)).toEqual([
      { startsAt: '20250101T010000', offsetMinutes: 60 },
      { startsAt: '20250330T020000', offsetMinutes: 120 },
      { startsAt: '20251026T030000', offsetMinutes: 60 },
      { startsAt: '20260329T020000', offsetMinutes: 120 },
      { startsAt: '20261025T030000', offsetMinutes: 60 },
      { startsAt: '20270328T020000', offsetMinutes: 120 },
      { startsAt: '20271031T030000', offsetMinutes: 60 },
    ]);
  });

  test('without changes has one rule', () => {
    const rules = readRules(unfold(renderCalendar([ticket], undefined)));
    expect(rules).toEqual([{ startsAt: '19700101T000000', offsetMinutes: 540 }]);
  });
});

test('every line of a calendar ends with CR LF, the last one, too', () => {
  const calendar = renderCalendar([ticket], 150);
  expect(calendar.endsWith('END:VCALENDAR\r\n')).toBe(true);
  expect(calendar.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
});

test('a calendar entry has the house and its address', () => {
  const lines = unfold(renderCalendar([ticket], 150));
  const location = lines.find((line) => line.startsWith('LOCATION:'));
  expect(location).toContain('한강 아레나');
  expect(location).toContain('서울 용산구 강변로 1 (1 Riverside Road\\, Seoul)');
});

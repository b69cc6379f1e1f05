import { createHash } from 'node:crypto';
import { create as makeQr } from 'qrcode';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  formatStart,
  loadTicketFont,
  type PrintedTicket,
  renderCalendar,
  renderQrSvg,
  renderTicketPdf,
} from './render.ts';

const ticket: PrintedTicket = {
  id: 'tkt_01jd8zk3v7q2m4x6t9w1y5b0ce',
  orderId: 'ord_01jd8zk3v7q2m4x6t9w1y5b0ce',
  performanceId: 'perf_01jd8zk3v7q2m4x6t9w1y5b0ce',
  state: 'LIVE',
  code: 'U1.01JD8ZK3V7Q2M4X6T9W1Y5B0CE0123456789ABCDEFGHIJKLMNOP',
  category: 'MUSICAL',
  showTitle: { ko: '오페라의 유령', en: 'The Phantom' },
  venueName: { ko: '한강 아레나', en: 'Hangang Arena, Seoul' },
  startsAt: '2026-12-24T10:30:00.000Z',
  timeZone: 'Asia/Seoul',
  round: 3,
  seat: {
    seatNo: 7,
    section: { ko: '나구역', en: 'Block B' },
    row: '12',
    label: '34',
    mark: null,
    grade: 'VIP',
    gradeName: { ko: 'VIP석', en: 'VIP' },
  },
  price: { amount: 150_000, currency: 'KRW' },
  issuedAt: '2026-11-01T00:00:00.000Z',
};
const font = loadTicketFont();

/** Content lines as a calendar program reads them (RFC 5545, 3.1). */
const unfold = (calendar: string): string[] => calendar.replaceAll('\r\n ', '').split('\r\n');

afterEach(() => vi.unstubAllEnvs());

describe('the start of a performance', () => {
  test('is shown with its weekday in the venue’s zone, not in the server’s', () => {
    vi.stubEnv('TZ', 'America/New_York');
    const late = '2026-12-24T15:30:00.000Z';
    expect(formatStart(late, 'Asia/Seoul', 'ko')).toBe('2026년 12월 25일 금요일 오전 12:30');
    expect(formatStart(late, 'Asia/Seoul', 'en')).toMatch(/^Friday,? 25 December 2026 at 00:30$/);
    expect(formatStart(late, 'America/New_York', 'ko')).toMatch(/24일 목요일 오전 10:30$/);
  });
});

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

/** The modules that the path of an SVG makes dark, row by row. */
const modulesOf = (svg: string): { size: number; dark: Set<string> } => {
  const dark = new Set<string>();
  for (const [, x, y, width] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let at = 0; at < Number(width); at++) dark.add(`${Number(x) + at},${y}`);
  return { size: Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]) - 8, dark };
};

describe('the QR', () => {
  test('as SVG equals the code’s modules, with a quiet zone of four', () => {
    const svg = renderQrSvg(ticket.code);
    const { modules } = makeQr(ticket.code, { errorCorrectionLevel: 'Q' });
    const { size, dark } = modulesOf(svg);
    expect(size).toBe(modules.size);
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++)
        expect(dark.has(`${x},${y}`), `module ${x},${y}`).toBe(modules.get(y, x) === 1);
    expect(svg).toContain('translate(4 4)');
  });

  test('stays small enough to scan from a phone: 33 modules', () => {
    expect(modulesOf(renderQrSvg(ticket.code)).size).toBe(33);
  });
});

describe('the PDF', () => {
  const digest = (pdf: Buffer) => createHash('sha256').update(pdf).digest('hex');

  test('of the same tickets has the same bytes', async () => {
    const first = await renderTicketPdf(font, [ticket]);
    expect(digest(await renderTicketPdf(font, [ticket]))).toBe(digest(first));
  });

  test('has a page for each ticket', async () => {
    const pdf = await renderTicketPdf(font, [ticket, ticket, ticket]);
    expect(pdf.toString('latin1')).toMatch(/\/Type \/Pages\s*\/Count 3\b/);
  });

  test('contains a subset of the font, not all 2.7 MB of it', async () => {
    expect((await renderTicketPdf(font, [ticket])).length).toBeLessThan(60_000);
  });
});

import { createHash } from 'node:crypto';
import { sampleTicket as ticket } from '@usher/tests/support/sample-ticket.ts';
import { create as makeQr } from 'qrcode';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadTicketFont } from './fonts.ts';
import { renderQrSvg, renderTicketPdf } from './render.ts';
import { formatStart } from './zone.ts';

const font = loadTicketFont();

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

  test('with Han has the same bytes again, and a few outlines instead of whole fonts', async () => {
    const han = { ...ticket, showTitle: { ko: '歌舞伎座 特別公演', en: '音乐会' } };
    const first = await renderTicketPdf(font, [han]);
    expect(digest(await renderTicketPdf(font, [han]))).toBe(digest(first));
    expect(first.length).toBeLessThan(100_000);
  });
});

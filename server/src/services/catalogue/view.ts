import type * as contract from '@usher/contract/catalogue.ts';
import { describeLadder, type FeeLadder, feeLadders } from '@usher/domain/fee-ladder.ts';
import { bookingFee, won } from '@usher/domain/money.ts';
import type { SaleState } from '@usher/domain/show-rules.ts';
import type { LocalText } from '@usher/domain/text.ts';
import type { z } from 'zod';
import { type Venue, venueBody } from '../venues/index.ts';
import type { StoredPainting } from './painting.ts';
import type { Counts, Grade, Performance, Show, Summary } from './store.ts';

/** What the catalogue sends: the contract's JSON, and posters. */
export type SummaryBody = z.infer<typeof contract.showSummary>;
type ShowBody = z.infer<typeof contract.show>;
type PerformanceBody = z.infer<typeof contract.performance>;

const instant = (atMs: number): string => new Date(atMs).toISOString();
const instantOrNull = (atMs: number | null): string | null =>
  atMs === null ? null : instant(atMs);

/** A sale runs from its opening until its closing, or the start of the last performance. */
const saleStateOf = (
  sale: { opensAtMs: number; endsAtMs: number; soldOut: boolean },
  nowMs: number,
): SaleState => {
  if (nowMs >= sale.endsAtMs) return 'CLOSED';
  if (nowMs < sale.opensAtMs) return 'UPCOMING';
  return sale.soldOut ? 'SOLD_OUT' : 'ON_SALE';
};

/** The sale state of a show as a whole. */
const stateOf = (
  show: Pick<Summary, 'saleOpensAtMs' | 'saleClosesAtMs' | 'lastStartsAtMs'>,
  counts: Counts,
  nowMs: number,
): SaleState =>
  saleStateOf(
    {
      opensAtMs: show.saleOpensAtMs,
      endsAtMs: Math.min(show.saleClosesAtMs, show.lastStartsAtMs ?? Infinity),
      soldOut: counts.soldOut,
    },
    nowMs,
  );

export const summaryBody = (
  show: Summary,
  venue: Pick<Venue, 'name' | 'timeZone'>,
  counts: Counts,
  nowMs: number,
): SummaryBody => ({
  id: show.id,
  title: show.title,
  category: show.category,
  venueName: venue.name,
  timeZone: venue.timeZone,
  posterUrl: `/api/v1/shows/${show.id}/poster.svg?v=${show.posterVersion}`,
  saleOpensAt: instant(show.saleOpensAtMs),
  saleClosesAt: instant(show.saleClosesAtMs),
  saleState: stateOf(show, counts, nowMs),
  firstStartsAt: instantOrNull(show.firstStartsAtMs),
  lastStartsAt: instantOrNull(show.lastStartsAtMs),
  lowestPrice: won(show.lowestPriceMinor),
  likes: counts.likes,
});

const ladderInWords = (ladder: FeeLadder): LocalText => ({
  ko: describeLadder(ladder, 'ko').join('\n'),
  en: describeLadder(ladder, 'en').join('\n'),
});
const laddersInWords: Record<Show['ladder'], LocalText> = {
  operator: ladderInWords(feeLadders.operator),
  'consumer-standard': ladderInWords(feeLadders['consumer-standard']),
};

export const gradeBody = ({ code, name, priceMinor }: Grade) => ({
  code,
  name,
  price: won(priceMinor),
});

export const showBody = (show: Show, venue: Venue, counts: Counts, nowMs: number): ShowBody => {
  const lowestPriceMinor = Math.min(...show.grades.map((grade) => grade.priceMinor));
  return {
    ...summaryBody({ ...show, lowestPriceMinor, createdAtMs: 0 }, venue, counts, nowMs),
    synopsis: show.synopsis,
    runningTimeMinutes: show.runningTimeMinutes,
    ageLimit: show.ageLimit,
    venue: venueBody(venue),
    grades: show.grades.map(gradeBody),
    bookingFee: bookingFee(show.category, 1),
    ladder: show.ladder,
    ladderInWords: laddersInWords[show.ladder],
    buyerLimit: show.buyerLimit,
    namesBuyer: show.namesBuyer,
  };
};

/** `taken`: seats that are not free, by the grade's index in the painting. */
export const performanceBody = (
  performance: Performance,
  show: Show,
  painting: StoredPainting,
  taken: ReadonlyMap<number, number> | undefined,
  nowMs: number,
): PerformanceBody => {
  const seatsLeft = painting.grades.flatMap((grade, i) => {
    const seats = painting.gradeSeats[i] ?? 0;
    // Another plan of the venue may have seats of a grade that this one lacks.
    return seats === 0 ? [] : { grade, seats, left: Math.max(0, seats - (taken?.get(i) ?? 0)) };
  });
  const sale = {
    opensAtMs: show.saleOpensAtMs,
    endsAtMs: Math.min(show.saleClosesAtMs, performance.startsAtMs),
    soldOut: seatsLeft.every(({ left }) => left === 0),
  };
  return {
    id: performance.id,
    showId: show.id,
    round: performance.round,
    startsAt: instant(performance.startsAtMs),
    seatingPlanId: performance.seatingPlanId,
    layoutVersion: performance.layoutVersion,
    paintingVersion: performance.paintingVersion,
    saleOpensAt: instant(sale.opensAtMs),
    saleClosesAt: instant(sale.endsAtMs),
    saleState: saleStateOf(sale, nowMs),
    seatsLeft,
  };
};

const colours: Record<Show['category'], readonly [string, string]> = {
  MUSICAL: ['#5b2a86', '#c13584'],
  CONCERT: ['#0f2a5f', '#1f8a9e'],
  PLAY: ['#6b2d1a', '#d08c2e'],
  CLASSIC: ['#1f3b2d', '#7a8f3c'],
  EXHIBITION: ['#2b2d42', '#8d99ae'],
};

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
// XML allows no control characters at all.
const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => escapes[character] ?? '').replace(/\p{Cc}/gu, ' ');

/** Lines of at most `width` columns, two per Korean character; the rest is cut off. */
const wrap = (text: string, width: number, linesMax: number): string[] => {
  const lines: string[] = [];
  let line = '';
  let columns = 0;
  for (const character of text) {
    const wide = /[\u1100-\u11ff\u2e80-\uffdc]/.test(character) ? 2 : 1;
    if (columns + wide > width) {
      const space = line.lastIndexOf(' ');
      const keep = space > 0 ? line.slice(space + 1) : '';
      lines.push(space > 0 ? line.slice(0, space) : line);
      line = keep;
      columns = [...keep].length * wide;
    }
    line += character;
    columns += wide;
  }
  lines.push(line);
  return lines.slice(0, linesMax).map((each) => each.trim());
};

/** The poster of a show whose organiser uploaded none: its title on the colours of its category. */
export const drawPoster = (
  show: Pick<Show, 'title' | 'category'>,
  venueName: LocalText,
): string => {
  const [top, bottom] = colours[show.category];
  const ko = wrap(show.title.ko, 18, 5).map(
    (line, i) => `<text x="40" y="${150 + i * 58}" font-size="46">${escapeXml(line)}</text>`,
  );
  const en = wrap(show.title.en, 36, 3).map(
    (line, i) => `<text x="40" y="${480 + i * 30}" font-size="22">${escapeXml(line)}</text>`,
  );
  const place = wrap(venueName.ko, 40, 1)[0] ?? '';
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 680" role="img">',
    `<title>${escapeXml(show.title.ko)}</title>`,
    '<defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1">',
    `<stop offset="0" stop-color="${top}"/><stop offset="1" stop-color="${bottom}"/>`,
    '</linearGradient></defs><rect width="480" height="680" fill="url(#g)"/>',
    '<g fill="#ffffff" font-family="sans-serif" font-weight="700">',
    ...ko,
    ...en,
    `<text x="40" y="630" font-size="18" opacity="0.8">${escapeXml(place)}</text>`,
    '</g></svg>',
  ].join('');
};

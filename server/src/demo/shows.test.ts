import { showCategories } from '@usher/domain/categories.ts';
import { giveGradeCodes } from '@usher/domain/grades.ts';
import { compileLayout } from '@usher/domain/layout.ts';
import { countGrades, paintLayout } from '@usher/domain/painting.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { poster } from './posters.ts';
import { demoShows } from './shows.ts';
import { demoVenues } from './venues.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const venues = new Map(demoVenues().map((venue) => [venue.key, venue]));
const nowMs = Date.parse('2026-11-21T03:00:00.000Z');
const shows = demoShows(nowMs);
/** Any moment within five years, so that every weekday and every hour occurs. */
const anyNow = fc.integer({ min: nowMs, max: nowMs + 5 * 365 * dayMs });

const seoulClock = (atMs: number): { weekday: number; hour: number } => {
  const date = new Date(atMs + 9 * hourMs);
  return { weekday: date.getUTCDay(), hour: date.getUTCHours() + date.getUTCMinutes() / 60 };
};

describe('the demo shows', () => {
  test('are at least twelve, in all categories, in Korean and English', () => {
    expect(shows.length).toBeGreaterThanOrEqual(12);
    expect(new Set(shows.map(({ category }) => category))).toEqual(new Set(showCategories));
    expect(new Set(shows.map(({ key }) => key)).size).toBe(shows.length);
    for (const { title, synopsis } of shows) {
      for (const text of [title, synopsis]) {
        expect(text.ko).toMatch(/[가-힣]/);
        expect(text.en).toMatch(/^[^가-힣]{8,}$/);
      }
    }
  });

  test('have one opening its sale in five minutes in the arena, one on sale, one sold out', () => {
    const opening = shows.filter(({ saleOpensAtMs }) => saleOpensAtMs === nowMs + 5 * 60_000);
    expect(opening.map(({ venue }) => venue)).toEqual(['arena']);
    const isOnSale = shows.filter((show) => show.saleOpensAtMs < nowMs && !show.isSoldOut);
    expect(isOnSale.map(({ venue }) => venue)).toContain('theatre');
    const soldOut = shows.filter(({ isSoldOut }) => isSoldOut);
    expect(soldOut.map(({ venue, saleOpensAtMs }) => [venue, saleOpensAtMs < nowMs])).toEqual([
      ['studio', true],
    ]);
    expect(shows.some(({ saleOpensAtMs }) => saleOpensAtMs > nowMs + dayMs)).toBe(true);
  });

  test('price every grade of their house, and better grades higher', () => {
    for (const { venue, grades, rules } of shows) {
      const plan = venues.get(venue)?.plan;
      if (rules.length === 0) expect(grades.map(({ code }) => code)).toEqual(plan?.grades);
      const prices = grades.map(({ price }) => price.amount);
      expect(prices).toEqual(prices.toSorted((a, b) => b - a));
      expect(new Set(prices).size).toBe(prices.length);
    }
  });

  test('paint a house that another show sells at other grades, with names in Korean', () => {
    const painted = shows.filter(({ rules }) => rules.length > 0);
    expect(painted.length).toBeGreaterThan(0);
    for (const { venue, grades, rules } of painted) {
      const plan = venues.get(venue)?.plan;
      if (plan === undefined) throw new Error('no plan');
      const result = paintLayout(compileLayout(plan), giveGradeCodes(grades), rules);
      if (result.outcome === 'refused') throw new Error(JSON.stringify(result.faults));
      for (const seats of countGrades(result.painting)) expect(seats).toBeGreaterThan(0);
      for (const { name } of grades) expect(name.ko).toMatch(/[가-힣]/);
      expect(shows.filter((show) => show.venue === venue).length).toBeGreaterThan(1);
    }
  });

  test('play in the coming weeks at usual hours, never on Mondays', () => {
    fc.assert(
      fc.property(anyNow, (now) => {
        for (const { startsAtMs, saleOpensAtMs, saleClosesAtMs } of demoShows(now)) {
          expect(startsAtMs.length).toBeGreaterThan(0);
          expect(startsAtMs[0]).toBeGreaterThan(now);
          expect(startsAtMs.at(-1)).toBeLessThan(now + 80 * dayMs);
          expect(startsAtMs[0]).toBeGreaterThan(saleOpensAtMs + dayMs);
          expect(saleClosesAtMs).toBe(startsAtMs.at(-1));
          for (const start of startsAtMs) {
            const { weekday, hour } = seoulClock(start);
            expect(weekday).not.toBe(1);
            expect(hour).toBeGreaterThanOrEqual(11);
            expect(hour).toBeLessThanOrEqual(20);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test('never overlap another performance in the same house', () => {
    fc.assert(
      fc.property(anyNow, (now) => {
        const all = demoShows(now).flatMap(({ venue, startsAtMs, runningTimeMinutes }) =>
          startsAtMs.map((from) => ({ venue, from, to: from + runningTimeMinutes * 60_000 })),
        );
        for (const venue of venues.keys()) {
          const days = all.filter((one) => one.venue === venue).sort((a, b) => a.from - b.from);
          for (const [i, { from }] of days.entries()) {
            expect(from - (days[i - 1]?.to ?? 0)).toBeGreaterThan(hourMs / 2);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

test('a title with markup characters is escaped on its poster', () => {
  const [show] = shows;
  if (!show) throw new Error('no show');
  const svg = poster({ ...show, title: { ...show.title, ko: '콘서트 〈낮<&밤>〉' } });
  expect(svg).toContain('낮&lt;&amp;밤&gt;');
});

describe.each(shows.map((show) => [show.key, show] as const))('the poster of %s', (_, show) => {
  const svg = poster(show);

  test('shows the Korean title, the first date and the house', () => {
    const said = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) => words);
    const title = /〈(.*)〉/.exec(show.title.ko)?.[1]?.replaceAll(' ', '');
    expect(title).toMatch(/[가-힣]/);
    expect(said.join('').replaceAll(' ', '')).toContain(title);
    const date = new Date((show.startsAtMs[0] ?? 0) + 9 * hourMs).toISOString().slice(0, 10);
    expect(said.join(' ')).toContain(date.replaceAll('-', '.'));
    expect(said).toContain(venues.get(show.venue)?.name.ko);
  });

  test('is one closed SVG of at most 6 kB that loads nothing', () => {
    expect(Buffer.byteLength(svg)).toBeLessThanOrEqual(6 * 1024);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 600 800">/);
    expect(svg.match(/https?:|<image|<script|@import|href|NaN|undefined/g)).toEqual(['http:']);
    const open: string[] = [];
    for (const [, close, name, self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self && name) open.push(name);
    }
    expect(open).toEqual([]);
  });
});

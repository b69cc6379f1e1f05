import { readLayout } from '@usher/contract/catalogue.ts';
import type { Answer, RouteParts } from '@usher/contract/client.ts';
import { addPerformances, createShow, importVenue } from '@usher/contract/organiser.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { compileLayout, type LayoutDocument } from '@usher/domain/layout.ts';
import { won } from '@usher/domain/money.ts';
import { mustAnswer } from './accounts.ts';
import type { Caller, Session } from './caller.ts';
import type { Clock } from './clock.ts';
import type { Sale } from './crowd.ts';
import { makeHouse } from './house.ts';
import { makeSeatChoice } from './seat-choice.ts';

const pricesMinor: Readonly<Record<string, number>> = {
  VIP: 190_000,
  R: 150_000,
  S: 110_000,
  A: 80_000,
};
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Exponent of the crowd's preference for the seats in front. */
const zipfExponent = 1.1;

export type ShowMaker = {
  /** A venue of this many seats; many shows may be given in it. */
  makeVenue(seats: number): Promise<Venue>;
  /** A show with one performance in 30 days, on sale now, or from that instant on. */
  makeSale(venue: Venue, opensAtMs?: number): Promise<Sale>;
};
export type Venue = { venueId: string; seats: number; grades: readonly string[] };

/** Prepares a run as an organiser would, over the organiser's API. Throws on a refusal. */
export const makeShowMaker = (deps: {
  caller: Caller;
  organiser: Session;
  clock: Clock;
  signal: AbortSignal;
}): ShowMaker => {
  const { caller, organiser, clock, signal } = deps;

  const ask = <S extends RouteSpec>(spec: S, parts: RouteParts<S>): Promise<Answer<S>> =>
    mustAnswer(caller, spec, parts, {
      step: null,
      session: organiser,
      fromMs: clock.monotonicMs(),
      signal,
    });

  return {
    makeVenue: async (seats) => {
      const house = makeHouse(seats);
      const made = await ask(importVenue, {
        body: {
          name: { ko: '스탬피드 홀', en: 'Stampede Hall' },
          address: { ko: '서울 어딘가', en: 'Somewhere in Seoul' },
          seatsCsv: house.csv,
        },
      });
      return { venueId: made.body.id, seats, grades: house.grades };
    },

    makeSale: async ({ venueId, seats, grades }, opensAtMs) => {
      const nowMs = clock.nowMs();
      const instant = (ms: number): string => new Date(ms).toISOString();
      const show = await ask(createShow, {
        body: {
          title: { ko: '스탬피드 시험 공연', en: 'A trial show for a stampede' },
          synopsis: { ko: '많은 사람이 한꺼번에 옵니다.', en: 'Many people come at once.' },
          category: 'CONCERT',
          venueId,
          runningTimeMinutes: 120,
          ageLimit: 0,
          grades: grades.map((code) => ({
            code,
            name: { ko: `${code}석`, en: code },
            price: won(pricesMinor[code] ?? 0),
          })),
          ladder: 'operator',
          saleOpensAt: instant(opensAtMs ?? nowMs - hourMs),
          saleClosesAt: instant(nowMs + 29 * dayMs),
        },
      });
      const showId = show.body.id;
      const startsAt = [instant(nowMs + 30 * dayMs)];
      const added = await ask(addPerformances, { params: { showId }, body: { startsAt } });
      const performance = added.body.items[0];
      if (performance === undefined) throw new Error('no performance was added');
      const { seatingPlanId, layoutVersion: version } = performance;
      const plan = await ask(readLayout, { params: { seatingPlanId, version } });
      if (plan.status !== 200) throw new Error('the layout did not come');
      const document = JSON.parse(Buffer.from(plan.body).toString()) as LayoutDocument;
      const layout = compileLayout(document);
      if (layout.seatCount !== seats)
        throw new Error(`the house has ${layout.seatCount} seats instead of ${seats}`);
      const choice = makeSeatChoice(layout, zipfExponent);
      return { showId, performanceId: performance.id, seatCount: seats, grades, choice };
    },
  };
};

import * as contract from '@usher/contract/catalogue.ts';
import * as organiser from '@usher/contract/organiser.ts';
import { idOf } from '@usher/contract/primitives.ts';
import type { Money } from '@usher/domain/money.ts';
import { z } from 'zod';
import { assert } from '../../platform/failure.ts';
import { decodeCursor, encodeCursor, instantMs } from '../../platform/http/cursor.ts';
import { type Refusal, refuse } from '../../platform/http/problem.ts';
import {
  answer,
  type Caller,
  emptyAnswer,
  type Route,
  rawAnswer,
  route,
} from '../../platform/http/route.ts';
import type { ShowGrades } from './service.painting.ts';
import type { Catalogue } from './service.ts';
import type { Editor, GivenGrade } from './show-edit.ts';
import type { Grade, Sort, Summary } from './store.ts';
import { gradeBody } from './view.ts';

/** What changes every second may be cached by everybody for one second. */
const shortly = { 'cache-control': 'public, max-age=1' };
const posterSecurity = {
  // Posters come from organisers: opened directly, they must not run or load anything.
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  'x-content-type-options': 'nosniff',
};

const afterShow = z.tuple([
  z.enum(['starting', 'opening', 'newest']),
  instantMs.nullable(),
  idOf('show'),
]);
const afterPerformance = z.tuple([instantMs, idOf('performance')]);
const afterLike = z.tuple([instantMs, idOf('show')]);

const sortKeyOf = (sort: Sort, show: Summary): number | null => {
  if (sort === 'starting') return show.firstStartsAtMs;
  return sort === 'opening' ? show.saleOpensAtMs : show.createdAtMs;
};
const ruleBroken = (faults: readonly { path: string; message: string }[]): Refusal =>
  refuse('SHOW_RULE_BROKEN', {
    extra: { errors: faults.map(({ path, message }) => ({ path: `body.${path}`, message })) },
  });
const readEditor = (request: {
  caller: Caller;
  traceId: string;
  idempotencyKey: string | null;
}): Editor => ({
  accountId: request.caller.accountId,
  isOperator: request.caller.role === 'OPERATOR',
  requestId: request.traceId,
  key: request.idempotencyKey,
});
const readGrades = (
  grades: readonly { code?: string | undefined; name: Grade['name']; price: Money }[],
): GivenGrade[] =>
  grades.map(({ code, name, price }) => ({ code, name, priceMinor: price.amount }));
const parseInstant = (instant: string): number => Date.parse(instant);

const showGradesBody = ({ show, paintings, performances }: ShowGrades) => ({
  grades: show.grades.map(gradeBody),
  paintings: paintings.map(({ seatingPlanId, rules }) => ({
    seatingPlanId,
    rules: rules.map((rule) => ({
      ...rule,
      rows: rule.rows === undefined ? undefined : [...rule.rows],
      seats: rule.seats === undefined ? undefined : [...rule.seats],
    })),
  })),
  counts: paintings.map(({ seatingPlanId, painting }) => ({
    seatingPlanId,
    paintingVersion: painting.version,
    seats: painting.grades.map((grade, i) => ({ grade, seats: painting.gradeSeats[i] ?? 0 })),
  })),
  performances: performances.map(({ id, seatingPlanId, paintingVersion, isFixed }) => ({
    performanceId: id,
    seatingPlanId,
    paintingVersion,
    isFixed,
  })),
});

const publicRoutes = (catalogue: Catalogue): Route[] => [
  route(contract.listShows, async ({ query }) => {
    const { sort, limit } = query;
    const cursor = decodeCursor(
      query.cursor,
      afterShow.refine(([given]) => given === sort),
    );
    if ('refusal' in cursor) return cursor.refusal;
    const { items, last } = await catalogue.listShows({
      sort,
      limit,
      sale: query.sale ?? 'NOT_CLOSED',
      category: query.category ?? null,
      words: query.q ?? null,
      after: cursor.after === null ? null : [cursor.after[1], cursor.after[2]],
    });
    const nextCursor = last && encodeCursor([sort, sortKeyOf(sort, last), last.id]);
    return answer(200, { items, nextCursor }, shortly);
  }),

  route(contract.readShow, async ({ params }) => {
    const show = await catalogue.readShow(params.showId);
    return show === null ? refuse('NOT_FOUND') : answer(200, show, shortly);
  }),

  route(contract.readPoster, async ({ params, query, raw }) => {
    const poster = await catalogue.poster(params.showId);
    if (poster === null) return refuse('NOT_FOUND');
    const etag = `"${poster.version}"`;
    const isNamed = query.v === poster.version;
    const headers = {
      ...posterSecurity,
      etag,
      'cache-control': isNamed ? 'public, max-age=31536000, immutable' : 'public, no-cache',
    };
    if (raw.headers['if-none-match'] === etag) return emptyAnswer(304, headers);
    return rawAnswer(200, poster.svg, {
      ...headers,
      'content-type': 'image/svg+xml; charset=utf-8',
    });
  }),

  route(contract.readPainting, async ({ params, raw }) => {
    const painting = await catalogue.painting(params.version);
    if (painting === null) return refuse('NOT_FOUND');
    const etag = `"${painting.version}"`;
    const headers = { etag, 'cache-control': 'public, max-age=31536000, immutable' };
    if (raw.headers['if-none-match'] === etag) return emptyAnswer(304, headers);
    const { grades, seats } = painting;
    return rawAnswer(200, Buffer.from(JSON.stringify({ format: 1, grades, seats })), {
      ...headers,
      'content-type': 'application/json; charset=utf-8',
    });
  }),

  route(contract.listPerformances, async ({ params, query }) => {
    const cursor = decodeCursor(query.cursor, afterPerformance);
    if ('refusal' in cursor) return cursor.refusal;
    const page = await catalogue.listPerformances(params.showId, cursor.after, query.limit);
    if (page === null) return refuse('NOT_FOUND');
    const nextCursor = page.last && encodeCursor([page.last.startsAtMs, page.last.id]);
    return answer(200, { items: page.items, nextCursor }, shortly);
  }),

  route(contract.readPerformance, async ({ params }) => {
    const performance = await catalogue.readPerformance(params.performanceId);
    return performance === null ? refuse('NOT_FOUND') : answer(200, performance, shortly);
  }),
];

const likeRoutes = (catalogue: Catalogue): Route[] => [
  route(contract.likeShow, async ({ params, caller }) => {
    const outcome = await catalogue.like(caller.accountId, params.showId, true);
    return outcome === 'done' ? emptyAnswer(204) : refuse('NOT_FOUND');
  }),

  route(contract.unlikeShow, async ({ params, caller }) => {
    const outcome = await catalogue.like(caller.accountId, params.showId, false);
    return outcome === 'done' ? emptyAnswer(204) : refuse('NOT_FOUND');
  }),

  route(contract.listLikes, async ({ query, caller }) => {
    const cursor = decodeCursor(query.cursor, afterLike);
    if ('refusal' in cursor) return cursor.refusal;
    const { items, last } = await catalogue.listLikes(caller.accountId, cursor.after, query.limit);
    const nextCursor = last && encodeCursor([last.likedAtMs, last.summary.id]);
    return answer(200, { items, nextCursor });
  }),
];

const organiserRoutes = (catalogue: Catalogue): Route[] => {
  const shown = async (showId: string) => {
    const show = await catalogue.readShow(showId);
    assert(show, 'a show that was written is there');
    return show;
  };
  return [
    route(organiser.createShow, async ({ body, ...request }) => {
      const { saleOpensAt, saleClosesAt, grades, posterSvg, ...rest } = body;
      const result = await catalogue.createShow(readEditor(request), {
        ...rest,
        grades: readGrades(grades),
        saleOpensAtMs: parseInstant(saleOpensAt),
        saleClosesAtMs: parseInstant(saleClosesAt),
        posterSvg: posterSvg ?? null,
      });
      if (result.outcome === 'broken') return ruleBroken(result.faults);
      return answer(201, await shown(result.showId));
    }),

    route(organiser.editShow, async ({ params, body, ...request }) => {
      const { saleOpensAt, saleClosesAt, grades, ...rest } = body;
      const result = await catalogue.editShow(readEditor(request), params.showId, {
        ...rest,
        ...(grades === undefined ? {} : { grades: readGrades(grades) }),
        ...(saleOpensAt === undefined ? {} : { saleOpensAtMs: parseInstant(saleOpensAt) }),
        ...(saleClosesAt === undefined ? {} : { saleClosesAtMs: parseInstant(saleClosesAt) }),
      });
      if (result.outcome === 'not-found') return refuse('NOT_FOUND');
      if (result.outcome === 'broken') return ruleBroken(result.faults);
      return answer(200, await shown(params.showId));
    }),

    route(organiser.addPerformances, async ({ params, body, ...request }) => {
      const result = await catalogue.addPerformances(readEditor(request), params.showId, {
        startsAtMs: body.startsAt.map(parseInstant),
        seatingPlanId: body.seatingPlanId,
      });
      if (result.outcome === 'not-found') return refuse('NOT_FOUND');
      if (result.outcome === 'broken') return ruleBroken(result.faults);
      const items = await Promise.all(result.performanceIds.map(catalogue.readPerformance));
      return answer(201, { items: items.filter((item) => item !== null) });
    }),

    route(organiser.readShowGrades, async ({ params, ...request }) => {
      const found = await catalogue.readShowGrades(readEditor(request), params.showId);
      return found === null ? refuse('NOT_FOUND') : answer(200, showGradesBody(found));
    }),

    route(organiser.paintShow, async ({ params, body, ...request }) => {
      const editor = readEditor(request);
      const result = await catalogue.paintShow(editor, params.showId, {
        ...body,
        grades: readGrades(body.grades),
      });
      if (result.outcome === 'not-found') return refuse('NOT_FOUND');
      if (result.outcome === 'broken') return ruleBroken(result.faults);
      if (result.outcome === 'fixed')
        return refuse('GRADES_FIXED', { extra: { performanceIds: result.performanceIds } });
      const found = await catalogue.readShowGrades(editor, params.showId);
      assert(found, 'a show that was painted is there');
      return answer(200, showGradesBody(found));
    }),

    route(organiser.blockSeats, async ({ params, body, ...request }) => {
      const result = await catalogue.blockSeats(readEditor(request), params.performanceId, body);
      switch (result.outcome) {
        case 'done':
          return emptyAnswer(204);
        case 'not-found':
          return refuse('NOT_FOUND');
        case 'taken':
          return refuse('SEATS_TAKEN', { extra: { conflicts: result.seatNos } });
        case 'broken':
          return refuse('VALIDATION_FAILED', { extra: ruleBroken(result.faults).extra ?? {} });
      }
    }),
  ];
};

export const makeCatalogueRoutes = (catalogue: Catalogue): Route[] => [
  ...publicRoutes(catalogue),
  ...likeRoutes(catalogue),
  ...organiserRoutes(catalogue),
];

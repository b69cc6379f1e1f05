import { readLayout } from '@usher/contract/catalogue.ts';
import {
  importSeatingPlan,
  importVenue,
  listSeatingPlans,
  listVenues,
  readSeatingPlan,
} from '@usher/contract/organiser.ts';
import { idOf } from '@usher/contract/primitives.ts';
import { z } from 'zod';
import { decodeCursor, encodeCursor, instantMs } from '../../platform/http/cursor.ts';
import { refuse, validationRefusal } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, rawAnswer, route } from '../../platform/http/route.ts';
import type { Venues } from './service.ts';
import type { SeatingPlan, Venue } from './store.ts';

const place = z.tuple([instantMs, idOf('venue')]);

export const venueBody = (venue: Venue) => ({
  id: venue.id,
  name: venue.name,
  address: venue.address,
  timeZone: venue.timeZone,
  seatingPlanId: venue.seatingPlanId,
  seatCount: venue.seatCount,
  grades: [...venue.grades],
});

const planBody = (plan: SeatingPlan) => ({ ...plan, grades: [...plan.grades] });

export const makeVenuesRoutes = (venues: Venues): Route[] => [
  route(importVenue, async ({ body, caller, traceId, idempotencyKey }) => {
    const { seatsCsv, ...facts } = body;
    const maker = { accountId: caller.accountId, requestId: traceId, key: idempotencyKey };
    const result = await venues.importCsv(maker, facts, seatsCsv);
    switch (result.outcome) {
      case 'made':
        return answer(201, venueBody(result.venue));
      case 'layout-refused':
        return refuse('LAYOUT_REFUSED', { extra: { errors: result.faults } });
      case 'unknown-time-zone':
        return validationRefusal('body', [{ path: ['timeZone'], message: 'is not a time zone' }]);
    }
  }),

  route(listVenues, async ({ query }) => {
    const cursor = decodeCursor(query.cursor, place);
    if ('refusal' in cursor) return cursor.refusal;
    const found = await venues.list(cursor.after, query.limit + 1);
    const items = found.slice(0, query.limit);
    const last = found.length > query.limit ? items.at(-1) : undefined;
    const nextCursor = last === undefined ? null : encodeCursor([last.createdAtMs, last.id]);
    return answer(200, { items: items.map(venueBody), nextCursor });
  }),

  route(importSeatingPlan, async ({ params, body, caller, traceId, idempotencyKey }) => {
    const maker = {
      accountId: caller.accountId,
      isOperator: caller.role === 'OPERATOR',
      requestId: traceId,
      key: idempotencyKey,
    };
    const result = await venues.importPlan(maker, params.venueId, body);
    switch (result.outcome) {
      case 'made':
        return answer(201, planBody(result.plan));
      case 'layout-refused':
        return refuse('LAYOUT_REFUSED', { extra: { errors: result.faults } });
      case 'not-found':
        return refuse('NOT_FOUND');
    }
  }),

  route(listSeatingPlans, async ({ params }) => {
    const plans = await venues.listPlans(params.venueId);
    return plans === null ? refuse('NOT_FOUND') : answer(200, { items: plans.map(planBody) });
  }),

  route(readSeatingPlan, async ({ params }) => {
    const plan = await venues.plan(params.seatingPlanId);
    return plan === null ? refuse('NOT_FOUND') : answer(200, planBody(plan));
  }),

  route(readLayout, async ({ params, raw }) => {
    const plan = await venues.layout(params.seatingPlanId);
    if (plan === null || plan.version !== params.version) return refuse('NOT_FOUND');
    const etag = `"${plan.version}"`;
    const headers = {
      etag,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    };
    if (raw.headers['if-none-match'] === etag) return emptyAnswer(304, headers);
    const type = { 'content-type': 'application/json; charset=utf-8' };
    return /\bgzip\b/.test(String(raw.headers['accept-encoding'] ?? ''))
      ? rawAnswer(200, plan.gzip, { ...headers, ...type, 'content-encoding': 'gzip' })
      : rawAnswer(200, plan.json, { ...headers, ...type });
  }),
];

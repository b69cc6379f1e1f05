import { showCategories } from '@usher/domain/categories.ts';
import { ladderNames } from '@usher/domain/fee-ladder.ts';
import { rankingPeriods } from '@usher/domain/ranking-period.ts';
import { saleStates } from '@usher/domain/show-rules.ts';
import { z } from 'zod';
import {
  gradeCode,
  gradeName,
  idOf,
  instant,
  localText,
  money,
  pageOf,
  pageQuery,
  timeZone,
} from './primitives.ts';
import { defineRoute } from './route.ts';

export const category = z.enum(showCategories);

export const ladderName = z.enum(ladderNames);

export const grade = z
  .strictObject({ code: gradeCode, name: localText, price: money })
  .meta({ id: 'Grade' });

export const venue = z
  .strictObject({
    id: idOf('venue'),
    name: localText,
    address: localText,
    timeZone,
    seatingPlanId: idOf('seatingPlan'),
    seatCount: z.int().min(1),
    grades: z.array(gradeName).meta({ description: 'Grades that the seating plan suggests' }),
  })
  .meta({ id: 'Venue' });

export const seatingPlan = z
  .strictObject({
    id: idOf('seatingPlan'),
    venueId: idOf('venue'),
    name: localText,
    layoutVersion: z.string(),
    seatCount: z.int().min(1),
    grades: z.array(gradeName).meta({ description: 'Grades that the plan suggests' }),
    isDefault: z.boolean().meta({ description: 'The plan of a performance that names none' }),
  })
  .meta({ id: 'SeatingPlan' });

/** State of the sale, by the server's clock when the response was made. */
export const saleState = z.enum(saleStates);

export const showSummary = z
  .strictObject({
    id: idOf('show'),
    title: localText,
    category,
    venueName: localText,
    timeZone: timeZone.meta({ description: 'Of the venue: its days are those of the house' }),
    posterUrl: z.string(),
    saleOpensAt: instant,
    saleClosesAt: instant,
    saleState,
    firstStartsAt: instant.nullable(),
    lastStartsAt: instant.nullable(),
    lowestPrice: money,
    likes: z.int().min(0),
  })
  .meta({ id: 'ShowSummary' });

export const show = showSummary
  .extend({
    synopsis: localText,
    runningTimeMinutes: z.int().min(1).max(1440),
    ageLimit: z.int().min(0).max(19),
    venue,
    grades: z.array(grade),
    bookingFee: money.meta({ description: 'Per ticket; refunded only on the day of booking' }),
    ladder: ladderName,
    ladderInWords: localText.meta({ description: 'The cancellation fees in words' }),
    buyerLimit: z.int().min(1).max(20),
    namesBuyer: z.boolean().meta({ description: 'Each ticket shows the name of its buyer' }),
  })
  .meta({ id: 'Show' });

const gradeLeft = z
  .strictObject({
    grade: gradeCode,
    seats: z.int().min(0),
    left: z.int().min(0),
  })
  .meta({ id: 'GradeLeft' });

export const performance = z
  .strictObject({
    id: idOf('performance'),
    showId: idOf('show'),
    round: z.int().min(1),
    startsAt: instant,
    seatingPlanId: idOf('seatingPlan'),
    layoutVersion: z.string(),
    paintingVersion: z.string().meta({ description: 'Names which grade each seat has' }),
    saleOpensAt: instant,
    saleClosesAt: instant,
    saleState,
    seatsLeft: z.array(gradeLeft),
  })
  .meta({ id: 'Performance' });
export type Performance = z.infer<typeof performance>;

const rankingPeriod = z.enum(rankingPeriods);
export const ranking = z
  .strictObject({
    category: category.nullable(),
    period: rankingPeriod,
    startsAt: instant,
    asOf: instant,
    items: z.array(
      z.strictObject({ rank: z.int().min(1), ticketsSold: z.int().min(1), show: showSummary }),
    ),
  })
  .meta({ id: 'Ranking' });

const tag = 'Catalogue';
const reading = { perMinute: 1200, burst: 300 };
const editing = { perMinute: 120, burst: 60 };
const showParams = z.strictObject({ showId: idOf('show') });

export const listShows = defineRoute({
  name: 'listShows',
  method: 'GET',
  path: '/api/v1/shows',
  tag,
  summary: 'List shows by page, filtered by category or by search words in Korean or English',
  auth: 'public',
  rate: reading,
  query: z.strictObject({
    ...pageQuery,
    category: category.optional(),
    q: z.string().trim().min(1).max(100).optional(),
    sale: saleState.optional().meta({ description: 'Default: all shows whose sale has not ended' }),
    sort: z.enum(['opening', 'starting', 'newest']).default('starting'),
  }),
  responses: { 200: pageOf(showSummary) },
  problems: [],
});

export const readShow = defineRoute({
  name: 'readShow',
  method: 'GET',
  path: '/api/v1/shows/{showId}',
  tag,
  summary: 'Read one show with venue, grades, prices and cancellation fees',
  auth: 'public',
  rate: reading,
  params: showParams,
  responses: { 200: show },
  problems: ['NOT_FOUND'],
});

export const readPoster = defineRoute({
  name: 'readPoster',
  method: 'GET',
  path: '/api/v1/shows/{showId}/poster.svg',
  tag,
  summary: 'The poster',
  auth: 'public',
  rate: reading,
  params: showParams,
  query: z.strictObject({
    v: z.string().max(64).optional().meta({ description: 'Version, as in `posterUrl`' }),
  }),
  responses: {
    200: { contentType: 'image/svg+xml', description: 'The poster as SVG' },
    304: null,
  },
  problems: ['NOT_FOUND'],
});

export const listPerformances = defineRoute({
  name: 'listPerformances',
  method: 'GET',
  path: '/api/v1/shows/{showId}/performances',
  tag,
  summary: 'List the dates and rounds still on sale, with seats left per grade',
  auth: 'public',
  rate: reading,
  params: showParams,
  query: z.strictObject({ ...pageQuery }),
  responses: { 200: pageOf(performance) },
  problems: ['NOT_FOUND'],
});

export const readPerformance = defineRoute({
  name: 'readPerformance',
  method: 'GET',
  path: '/api/v1/performances/{performanceId}',
  tag,
  summary: 'Read one performance with seats left per grade',
  auth: 'public',
  rate: reading,
  params: z.strictObject({ performanceId: idOf('performance') }),
  responses: { 200: performance },
  problems: ['NOT_FOUND'],
});

/** Layouts and paintings lie under the hash of what is in them. */
const contentVersion = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);

export const readLayout = defineRoute({
  name: 'readLayout',
  method: 'GET',
  path: '/api/v1/seating-plans/{seatingPlanId}/layouts/{version}',
  tag,
  summary: 'Read the position of every seat; a version never changes, so it may be cached forever',
  auth: 'public',
  rate: reading,
  params: z.strictObject({
    seatingPlanId: idOf('seatingPlan'),
    version: contentVersion,
  }),
  responses: {
    200: { contentType: 'application/json', description: 'The layout document' },
    304: null,
  },
  problems: ['NOT_FOUND'],
});

export const readPainting = defineRoute({
  name: 'readPainting',
  method: 'GET',
  path: '/api/v1/paintings/{version}',
  tag,
  summary:
    'Read which grade each seat has: `grades` are codes, `seats` is count, grade, count, grade … in seatNo order. A version never changes, so it may be cached forever',
  auth: 'public',
  rate: reading,
  params: z.strictObject({ version: contentVersion }),
  responses: {
    200: { contentType: 'application/json', description: 'The painting' },
    304: null,
  },
  problems: ['NOT_FOUND'],
});

export const readRanking = defineRoute({
  name: 'readRanking',
  method: 'GET',
  path: '/api/v1/rankings',
  tag,
  summary: 'List best sellers by category and period; at most 5 s behind sales',
  auth: 'public',
  rate: reading,
  query: z.strictObject({
    category: category.optional(),
    period: rankingPeriod.default('DAY'),
    limit: z.coerce.number().int().min(1).max(50).default(10),
  }),
  responses: { 200: ranking },
  problems: [],
});

export const likeShow = defineRoute({
  name: 'likeShow',
  method: 'PUT',
  path: '/api/v1/shows/{showId}/like',
  tag,
  summary: 'Like a show; the buyer gets a mail when its sale opens',
  auth: 'account',
  rate: editing,
  params: showParams,
  responses: { 204: null },
  problems: ['NOT_FOUND'],
});

export const unlikeShow = defineRoute({
  name: 'unlikeShow',
  method: 'DELETE',
  path: '/api/v1/shows/{showId}/like',
  tag,
  summary: 'Remove your like',
  auth: 'account',
  rate: editing,
  params: showParams,
  responses: { 204: null },
  problems: ['NOT_FOUND'],
});

export const listLikes = defineRoute({
  name: 'listLikes',
  method: 'GET',
  path: '/api/v1/me/likes',
  tag,
  summary: 'List the shows you like',
  auth: 'account',
  rate: reading,
  query: z.strictObject({ ...pageQuery }),
  responses: { 200: pageOf(showSummary) },
  problems: [],
});

export const catalogueRoutes = [
  listShows,
  readShow,
  readPoster,
  listPerformances,
  readPerformance,
  readLayout,
  readPainting,
  readRanking,
  likeShow,
  unlikeShow,
  listLikes,
];

import { maxGrades } from '@usher/domain/grades.ts';
import { z } from 'zod';
import { category, grade, ladderName, performance, seatingPlan, show, venue } from './catalogue.ts';
import {
  givenInstant,
  givenTitle,
  gradeCode,
  gradeName,
  idOf,
  localText,
  money,
  pageOf,
  pageQuery,
  timeZone,
} from './primitives.ts';
import { defineRoute } from './route.ts';

const tag = 'Organiser';
const editing = { perMinute: 120, burst: 60 };

const seatsCsv = z
  .string()
  .min(1)
  .max(8 * 1024 * 1024)
  .meta({
    description:
      'One seat a line, separated by comma, semicolon or tab. Columns: section, row, number; optionally grade, x and y, section_en, mark. Korean headings are understood',
  });

export const importVenue = defineRoute({
  name: 'importVenue',
  method: 'POST',
  path: '/api/v1/organiser/venues',
  tag,
  summary: 'Create a venue and its seating plan from a CSV of seats',
  auth: 'organiser',
  rate: editing,
  idempotency: 'optional',
  // 100,000 seats of 60 characters.
  bodyLimitBytes: 8 * 1024 * 1024,
  body: z.strictObject({
    name: givenTitle,
    address: localText,
    timeZone: timeZone.default('Asia/Seoul'),
    seatsCsv,
  }),
  responses: { 201: venue },
  problems: ['LAYOUT_REFUSED'],
});

export const listVenues = defineRoute({
  name: 'listVenues',
  method: 'GET',
  path: '/api/v1/organiser/venues',
  tag,
  summary: 'List venues by page',
  auth: 'organiser',
  rate: editing,
  query: z.strictObject({ ...pageQuery }),
  responses: { 200: pageOf(venue) },
  problems: [],
});

const venueParams = z.strictObject({ venueId: idOf('venue') });

export const importSeatingPlan = defineRoute({
  name: 'importSeatingPlan',
  method: 'POST',
  path: '/api/v1/organiser/venues/{venueId}/seating-plans',
  tag,
  summary: 'Add a seating plan to a venue from a CSV of seats',
  auth: 'organiser',
  rate: editing,
  idempotency: 'optional',
  bodyLimitBytes: 8 * 1024 * 1024,
  params: venueParams,
  body: z.strictObject({ name: givenTitle, seatsCsv }),
  responses: { 201: seatingPlan },
  problems: ['NOT_FOUND', 'LAYOUT_REFUSED'],
});

export const listSeatingPlans = defineRoute({
  name: 'listSeatingPlans',
  method: 'GET',
  path: '/api/v1/organiser/venues/{venueId}/seating-plans',
  tag,
  summary: 'List the seating plans of a venue, its default first',
  auth: 'organiser',
  rate: editing,
  params: venueParams,
  responses: { 200: z.strictObject({ items: z.array(seatingPlan) }) },
  problems: ['NOT_FOUND'],
});

export const readSeatingPlan = defineRoute({
  name: 'readSeatingPlan',
  method: 'GET',
  path: '/api/v1/organiser/seating-plans/{seatingPlanId}',
  tag,
  summary: 'Read one seating plan; its seats are in its layout',
  auth: 'organiser',
  rate: editing,
  params: z.strictObject({ seatingPlanId: idOf('seatingPlan') }),
  responses: { 200: seatingPlan },
  problems: ['NOT_FOUND'],
});

/** A grade without a code gets one made from its name; send the code back to keep it. */
const givenGrade = z.strictObject({
  code: gradeCode.optional(),
  name: z.strictObject({ ko: gradeName, en: gradeName }),
  // So that an order of four, with fees, is still `money`.
  price: money.extend({ amount: z.int().min(0).max(100_000_000_000) }),
});
const paintRule = z.strictObject({
  grade: z.string().min(1).max(80).meta({ description: 'Code or name of a grade' }),
  section: z.string().min(1).max(2000).optional().meta({
    description: 'Korean or English name of a section; without it the whole house',
  }),
  rows: z.array(z.string().min(1).max(20)).min(1).max(200).optional(),
  seats: z.array(z.string().min(1).max(20)).min(1).max(500).optional().meta({
    description: 'Labels of seats of the one row',
  }),
});
const showPainting = z.strictObject({
  seatingPlanId: idOf('seatingPlan'),
  rules: z.array(paintRule).max(2000).meta({
    description:
      'Painted over the grades that the plan suggests, in this order: the last rule that covers a seat decides',
  }),
});
const paintings = z
  .array(showPainting)
  .max(20)
  .default([])
  .meta({ description: 'Plans that are not named are painted as they suggest' });

const showFields = {
  title: givenTitle,
  synopsis: localText,
  category,
  venueId: idOf('venue'),
  runningTimeMinutes: z.int().min(1).max(1440),
  ageLimit: z.int().min(0).max(19),
  grades: z.array(givenGrade).min(1).max(maxGrades),
  paintings,
  ladder: ladderName,
  saleOpensAt: givenInstant,
  saleClosesAt: givenInstant,
  buyerLimit: z.int().min(1).max(20).default(4),
  refusesStranding: z
    .boolean()
    .default(false)
    .meta({ description: 'Refuse choices that leave a single free seat between taken ones' }),
  namesBuyer: z
    .boolean()
    .default(false)
    .meta({ description: 'Print the name of the buyer on each ticket' }),
  posterSvg: z
    .string()
    .max(64 * 1024)
    .optional(),
};

export const createShow = defineRoute({
  name: 'createShow',
  method: 'POST',
  path: '/api/v1/organiser/shows',
  tag,
  summary: 'Makes a show',
  auth: 'organiser',
  rate: editing,
  idempotency: 'optional',
  bodyLimitBytes: 256 * 1024,
  body: z.strictObject(showFields),
  responses: { 201: show },
  problems: ['SHOW_RULE_BROKEN'],
});

export const editShow = defineRoute({
  name: 'editShow',
  method: 'PATCH',
  path: '/api/v1/organiser/shows/{showId}',
  tag,
  summary: 'Change a show; existing orders keep their prices and fees',
  auth: 'organiser',
  rate: editing,
  params: z.strictObject({ showId: idOf('show') }),
  bodyLimitBytes: 256 * 1024,
  body: z.strictObject({
    title: showFields.title.optional(),
    synopsis: showFields.synopsis.optional(),
    category: category.optional(),
    runningTimeMinutes: showFields.runningTimeMinutes.optional(),
    ageLimit: showFields.ageLimit.optional(),
    grades: showFields.grades.optional(),
    ladder: ladderName.optional(),
    saleOpensAt: givenInstant.optional(),
    saleClosesAt: givenInstant.optional(),
    buyerLimit: z.int().min(1).max(20).optional(),
    refusesStranding: z.boolean().optional(),
    namesBuyer: z.boolean().optional(),
    posterSvg: z
      .string()
      .max(64 * 1024)
      .optional(),
  }),
  responses: { 200: show },
  problems: ['NOT_FOUND', 'SHOW_RULE_BROKEN'],
});

export const addPerformances = defineRoute({
  name: 'addPerformances',
  method: 'POST',
  path: '/api/v1/organiser/shows/{showId}/performances',
  tag,
  summary: 'Add performances; rounds are numbered by start time',
  auth: 'organiser',
  rate: editing,
  idempotency: 'optional',
  params: z.strictObject({ showId: idOf('show') }),
  body: z.strictObject({
    startsAt: z.array(givenInstant).min(1).max(200),
    seatingPlanId: idOf('seatingPlan').optional().meta({
      description: 'A plan of the show’s venue; without it the venue’s default',
    }),
  }),
  responses: { 201: z.strictObject({ items: z.array(performance) }) },
  problems: ['NOT_FOUND', 'SHOW_RULE_BROKEN'],
});

export const showGrades = z
  .strictObject({
    grades: z.array(grade),
    paintings: z.array(showPainting),
    counts: z.array(
      z.strictObject({
        seatingPlanId: idOf('seatingPlan'),
        paintingVersion: z.string(),
        seats: z.array(z.strictObject({ grade: gradeCode, seats: z.int().min(0) })),
      }),
    ),
    performances: z.array(
      z.strictObject({
        performanceId: idOf('performance'),
        seatingPlanId: idOf('seatingPlan'),
        paintingVersion: z.string(),
        isFixed: z.boolean().meta({ description: 'A seat was held: it keeps this painting' }),
      }),
    ),
  })
  .meta({ id: 'ShowGrades' });

export const readShowGrades = defineRoute({
  name: 'readShowGrades',
  method: 'GET',
  path: '/api/v1/organiser/shows/{showId}/grades',
  tag,
  summary: 'Read the grades of a show, how its seats are painted, and the seats of each grade',
  auth: 'organiser',
  rate: editing,
  params: z.strictObject({ showId: idOf('show') }),
  responses: { 200: showGrades },
  problems: ['NOT_FOUND'],
});

export const paintShow = defineRoute({
  name: 'paintShow',
  method: 'PUT',
  path: '/api/v1/organiser/shows/{showId}/grades',
  tag,
  summary: 'Set the grades of a show and paint them over its seats',
  auth: 'organiser',
  rate: editing,
  bodyLimitBytes: 1024 * 1024,
  params: z.strictObject({ showId: idOf('show') }),
  body: z.strictObject({
    grades: showFields.grades,
    paintings,
    fixedPerformances: z.enum(['refuse', 'keep']).default('refuse').meta({
      description:
        'When a performance to come was held and would change: refuse all, or let it keep its painting and repaint the others',
    }),
  }),
  responses: { 200: showGrades },
  problems: ['NOT_FOUND', 'SHOW_RULE_BROKEN', 'GRADES_FIXED'],
});

export const blockSeats = defineRoute({
  name: 'blockSeats',
  method: 'PUT',
  path: '/api/v1/organiser/performances/{performanceId}/blocked-seats',
  tag,
  summary: 'Block free seats from sale, or release blocked ones',
  auth: 'organiser',
  rate: editing,
  params: z.strictObject({ performanceId: idOf('performance') }),
  body: z.strictObject({
    block: z.array(z.int().min(0)).max(2000).default([]),
    unblock: z.array(z.int().min(0)).max(2000).default([]),
  }),
  responses: { 204: null },
  problems: ['NOT_FOUND', 'SEATS_TAKEN'],
});

export const organiserRoutes = [
  importVenue,
  listVenues,
  importSeatingPlan,
  listSeatingPlans,
  readSeatingPlan,
  createShow,
  editShow,
  addPerformances,
  readShowGrades,
  paintShow,
  blockSeats,
];

import { limitBounds } from '@usher/domain/room/limits.ts';
import type { RoomView } from '@usher/domain/room/now.ts';
import { type RoomLever, simpleLevers } from '@usher/domain/room/phases.ts';
import { roomOverrides, shownRoomPhases } from '@usher/domain/room/types.ts';
import { z } from 'zod';
import { givenInstant, gradeCode, idOf, instant, localText } from './primitives.ts';
import { defineRoute } from './route.ts';

/** The waiting rooms as an operator sees and controls them. */
const tag = 'Waiting room';
const showParams = z.strictObject({ showId: idOf('show') });

export const roomPhase = z.enum(shownRoomPhases);
export const roomOverride = z.enum(roomOverrides);

const operating = { perMinute: 240, burst: 60 };
const within = <T extends z.ZodNumber>(schema: T, bounds: { min: number; max: number }) =>
  schema.min(bounds.min).max(bounds.max);
const ratePerMinute = within(z.int(), limitBounds.ratePerMinute);
const activeMax = within(z.int(), limitBounds.activeMax);

/** What an operator sets: two of the three terms of Little’s law; the third is only shown. */
export const roomSettings = z
  .strictObject({
    ratePerMinute: ratePerMinute.default(600),
    activeMax: activeMax.default(500),
    opensAt: instant,
    lobbyMinutes: z.int().min(0).max(1440).default(30),
    /** What joining does while more than `2 × seats left` people wait. */
    whenCrowded: z.enum(['warn', 'refuse']).default('warn'),
    /** Work of the ALTCHA challenge: hashes that a buyer computes on average. 0: no challenge. */
    challengeCost: z.int().min(0).max(10_000_000).default(0),
  })
  .meta({ id: 'RoomSettings' });
export type RoomSettings = z.infer<typeof roomSettings>;

/** The room as the operator sees it. */
export const room = z
  .strictObject({
    showId: idOf('show'),
    rev: z.int(),
    epoch: z.int(),
    phase: roomPhase,
    override: roomOverride,
    overrideUntil: instant.nullable(),
    settings: roomSettings,
    message: localText.nullable(),
    pollMultiplier: z.number(),
    front: z.int(),
    tail: z.int(),
    waiting: z.int(),
    called: z.int(),
    late: z.int(),
    active: z.int(),
    admitted: z.int().meta({ description: 'Passes issued since the room opened' }),
    perMinute: z.number(),
    meanStayMs: z.int().nullable().meta({ description: 'Little: active ÷ admissions' }),
    left: z.record(gradeCode, z.int()),
    commitment: z.string(),
    draw: z.strictObject({ entries: z.int(), seed: z.string(), root: z.string() }).nullable(),
    enabledAt: instant,
  })
  .meta({ id: 'Room' }) satisfies z.ZodType<RoomView<RoomSettings>>;
export type Room = z.infer<typeof room>;

export const listRooms = defineRoute({
  name: 'listRooms',
  method: 'GET',
  path: '/api/v1/operator/rooms',
  tag,
  summary: 'List all waiting rooms',
  auth: 'operator',
  rate: operating,
  responses: { 200: z.strictObject({ items: z.array(room) }) },
  problems: [],
});

export const readRoom = defineRoute({
  name: 'readRoom',
  method: 'GET',
  path: '/api/v1/operator/shows/{showId}/room',
  tag,
  summary: 'Read a waiting room with its counts',
  auth: 'operator',
  rate: operating,
  params: showParams,
  responses: { 200: room },
  problems: ['NOT_FOUND'],
});

export const putRoom = defineRoute({
  name: 'putRoom',
  method: 'PUT',
  path: '/api/v1/operator/shows/{showId}/room',
  tag,
  summary: 'Create a show’s waiting room, even during its sale, or change the room’s settings',
  auth: 'operator',
  rate: operating,
  idempotency: 'optional',
  params: showParams,
  body: z.strictObject({
    ifRev: z.int().nullable().meta({ description: 'Null: there is no room yet' }),
    reason: z.string().max(500).optional(),
    settings: roomSettings.extend({ opensAt: givenInstant }),
  }),
  responses: { 200: room, 201: room },
  problems: ['NOT_FOUND', 'ROOM_CHANGED_MEANWHILE', 'LEVER_REFUSED'],
});

export const lever = z
  .discriminatedUnion('lever', [
    z.strictObject({ lever: z.enum(simpleLevers) }),
    z.strictObject({
      lever: z.literal('bypass'),
      minutes: within(z.int(), limitBounds.bypassMinutes),
    }),
    z.strictObject({
      lever: z.literal('limits'),
      ratePerMinute: ratePerMinute.optional(),
      activeMax: activeMax.optional(),
      meanStayMinutes: within(z.number(), limitBounds.meanStayMinutes).optional(),
    }),
    z.strictObject({ lever: z.literal('message'), message: localText.nullable() }),
    z.strictObject({
      lever: z.literal('poll'),
      multiplier: within(z.number(), limitBounds.pollMultiplier),
    }),
  ])
  .meta({ id: 'Lever' }) satisfies z.ZodType<RoomLever>;
export type Lever = z.infer<typeof lever>;

export const pullLever = defineRoute({
  name: 'pullLever',
  method: 'POST',
  path: '/api/v1/operator/shows/{showId}/room/levers',
  tag,
  summary: 'Pull a lever of the room, if the room has not changed since the operator read it',
  auth: 'operator',
  rate: operating,
  idempotency: 'required',
  params: showParams,
  body: z.strictObject({
    ifRev: z.int(),
    reason: z.string().max(500).optional(),
    action: lever,
  }),
  responses: { 200: room },
  problems: ['NOT_FOUND', 'ROOM_CHANGED_MEANWHILE', 'LEVER_REFUSED'],
});

/** One use of a lever; the record is never deleted. */
export const leverUse = z
  .strictObject({
    id: idOf('lever'),
    at: instant,
    accountId: idOf('account').nullable().meta({ description: 'Null: the program itself' }),
    action: z.record(z.string(), z.unknown()).meta({
      description: 'The lever as sent; `settings`: a room was created or its settings changed',
    }),
    reason: z.string().nullable(),
    ifRev: z
      .int()
      .nullable()
      .meta({ description: 'Revision that the operator saw; null: no room' }),
    outcome: z.enum(['done', 'refused', 'unknown']).meta({
      description: '`unknown`: the program stopped halfway; retry the same request to find out',
    }),
    rev: z
      .int()
      .nullable()
      .meta({ description: 'Revision of the room afterwards; null while unknown' }),
    detail: z.string().nullable().meta({ description: 'Reason for a refusal' }),
    requestId: z.string(),
  })
  .meta({ id: 'LeverUse' });
export type LeverUse = z.infer<typeof leverUse>;

export const listLevers = defineRoute({
  name: 'listLevers',
  method: 'GET',
  path: '/api/v1/operator/shows/{showId}/room/levers',
  tag,
  summary: 'List who pulled which lever, when and why: the newest 200, latest effect first',
  auth: 'operator',
  rate: operating,
  params: showParams,
  responses: { 200: z.strictObject({ items: z.array(leverUse) }) },
  problems: ['NOT_FOUND'],
});

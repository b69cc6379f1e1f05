import type { DrawRecord } from '@usher/domain/draw-check.ts';
import { longerReasons } from '@usher/domain/room/eta.ts';
import { type PlaceView, roomStandings } from '@usher/domain/room/place.ts';
import { z } from 'zod';
import { idOf, instant, localText } from './primitives.ts';
import {
  listLevers,
  listRooms,
  pullLever,
  putRoom,
  readRoom,
  roomOverride,
  roomPhase,
} from './rooms.ts';
import { defineRoute } from './route.ts';

export * from './rooms.ts';
export { passHeader } from './route.ts';

const tag = 'Waiting room';
const showParams = z.strictObject({ showId: idOf('show') });
// Everything that people in line do is idempotent, so none of these routes takes an
// Idempotency-Key: storing the responses would cost one database write per person.

/** People in line call rarely; the limits stop scripts, not impatient people. */
const seldom = { perMinute: 60, burst: 20 };

/** Poll interval of a client: its expected wait ÷ d × m, at least f × m and at most c × m. */
const pollPolicy = z.strictObject({
  f: z.int().meta({ description: 'Floor, ms' }),
  c: z.int().meta({ description: 'Ceiling, ms' }),
  d: z.int().meta({ description: 'Divisor of the expected wait' }),
  m: z.number().meta({ description: 'The operator’s multiplier' }),
});

/**
 * The same for everybody, and requested more than anything else: 297 bytes with a million waiting
 * and three grades, without an operator's message. What a client needs once has separate routes.
 */
export const roomNow = z
  .strictObject({
    rev: z.int().meta({ description: 'Increases with every change of the room' }),
    epoch: z.int(),
    phase: roomPhase,
    override: roomOverride,
    soldOut: z.literal(true).optional(),
    now: z.int().meta({ description: 'The server’s clock, ms since 1970' }),
    opensAt: z.int().optional().meta({
      description: 'Before the draw: when the draw is made and the sale opens, ms',
    }),
    lobbyAt: z.int().optional().meta({ description: 'While idle: when joining opens, ms' }),
    front: z.int().meta({ description: 'Everybody up to this number has been called' }),
    tail: z.int().meta({ description: 'The highest number' }),
    waiting: z.int().meta({ description: 'People in line who have not been called yet' }),
    perMinute: z
      .number()
      .meta({ description: 'Observed numbers per minute by which the front advances' }),
    spread: z.number().meta({ description: 'How uneven that is: slowest fifth to mean, ≥ 1' }),
    heldUntil: z.int().optional().meta({
      description: 'Nobody is called before this (after the draw, after an outage), ms',
    }),
    longer: z.enum(longerReasons).optional().meta({
      description:
        'Why the wait grew within the last minute: seats are running out, the room is full, people take longer',
    }),
    near: z.int().meta({
      description:
        'Send heartbeats while your number − front is not above this: you will be called soon',
    }),
    skipped: z.strictObject({ from: z.int(), to: z.int() }).optional().meta({
      description: 'After an outage: nobody has a number above `from` and up to `to`',
    }),
    poll: pollPolicy,
    left: z
      .record(z.string(), z.int())
      .meta({ description: 'Unsold seats by grade; at most 1 s old' }),
    performances: z.array(z.int()).optional().meta({
      description:
        'If there are several: unsold seats of each performance, in the order of their list',
    }),
    draw: z.strictObject({ entries: z.int() }).nullable(),
    message: localText.optional(),
  })
  .meta({ id: 'RoomNow' });
export type RoomNow = z.infer<typeof roomNow>;

export const readRoomNow = defineRoute({
  name: 'readRoomNow',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/now',
  tag,
  summary: 'Read the public state of the room; your position is your number − front',
  auth: 'public',
  rate: { perMinute: 600, burst: 120 },
  params: showParams,
  responses: { 200: roomNow, 304: null },
  problems: ['NOT_FOUND'],
});

export const watchRoom = defineRoute({
  name: 'watchRoom',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/stream',
  tag,
  summary: 'Stream the same document as server-sent events; only near the front or in small rooms',
  auth: 'public',
  rate: { perMinute: 3000, burst: 600 },
  rateBy: 'address',
  params: showParams,
  responses: { 200: { contentType: 'text/event-stream', description: '`now` events' } },
  problems: ['NOT_FOUND', 'STREAM_NOT_OFFERED'],
});

const standing = z.enum(roomStandings);

/** Signed; proves the place to us after data loss, and to anybody who has the public record. */
const receipt = z
  .strictObject({
    entry: z.int().min(0).meta({ description: 'Order of joining, from 0' }),
    key: z.string().meta({
      description: 'Identifies you in the record of the draw without revealing who you are',
    }),
  })
  .meta({ id: 'Receipt' });

export const place = z
  .strictObject({
    standing,
    number: z.int().min(1).nullable().meta({ description: 'Null until the draw' }),
    ahead: z.int().min(0).nullable(),
    etaMs: z.strictObject({ from: z.int(), to: z.int() }).nullable().meta({
      description:
        'Half of the people wait no longer than `from`, four in five no longer than `to`; null where nobody can know: paused, closed, sold out',
    }),
    receipt,
    token: z.string().meta({ description: 'Keep it; send it with every request about this place' }),
    heartbeatEveryMs: z
      .int()
      .nullable()
      .meta({ description: 'Heartbeat interval; null: none needed yet' }),
    claimBy: instant.nullable().meta({ description: 'When CALLED: claim your pass before this' }),
    pass: z
      .strictObject({ token: z.string(), endsAt: instant, endsBy: instant })
      .nullable()
      .meta({ description: 'When ACTIVE; send it as the header `usher-pass`' }),
  })
  .meta({ id: 'Place' }) satisfies z.ZodType<PlaceView>;
export type Place = z.infer<typeof place>;

const token = z.string().max(512);

export const readChallenge = defineRoute({
  name: 'readChallenge',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/challenge',
  tag,
  summary:
    'Request a proof-of-work challenge (ALTCHA) to solve before joining; null: none is needed',
  auth: 'account',
  rate: seldom,
  params: showParams,
  responses: { 200: z.strictObject({ challenge: z.record(z.string(), z.unknown()).nullable() }) },
  problems: ['NOT_FOUND'],
});

export const joinRoom = defineRoute({
  name: 'joinRoom',
  method: 'POST',
  path: '/api/v1/shows/{showId}/queue',
  tag,
  summary: 'Join the waiting room; an account has one place, whatever tab, device or retry it uses',
  auth: 'account',
  confirmed: 'required',
  rate: seldom,
  // Everyone in a company or mobile network behind one address can join within minutes; a farm of
  // accounts cannot join at once.
  addressRate: { perMinute: 3000, burst: 1000 },
  params: showParams,
  body: z.strictObject({
    place: token.optional().meta({ description: 'A place token of this room, if you have one' }),
    solution: z.string().max(4096).optional().meta({ description: 'ALTCHA payload, base64' }),
  }),
  responses: { 200: place, 201: place },
  problems: [
    'NOT_FOUND',
    'ROOM_NOT_OPEN',
    'ROOM_CLOSED',
    'SHOW_SOLD_OUT',
    'TOO_MANY_WAITING',
    'ADDRESS_PLACES_TAKEN',
    'CHALLENGE_REQUIRED',
    'CHALLENGE_FAILED',
  ],
});

export const readPlace = defineRoute({
  name: 'readPlace',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/me',
  tag,
  summary: 'Read your place: once after the draw, on return, and near the front',
  auth: 'account',
  rate: seldom,
  params: showParams,
  responses: { 200: place },
  problems: ['NOT_FOUND', 'NO_PLACE'],
});

export const sendHeartbeat = defineRoute({
  name: 'sendHeartbeat',
  method: 'POST',
  path: '/api/v1/shows/{showId}/queue/heartbeat',
  tag,
  summary: 'Send a heartbeat; needed only when your turn is less than 180 s away',
  auth: 'account',
  rate: seldom,
  params: showParams,
  body: z.strictObject({ place: token }),
  responses: { 204: null },
  problems: ['NOT_FOUND', 'NO_PLACE', 'PLACE_TOKEN_REFUSED'],
});

export const claimPass = defineRoute({
  name: 'claimPass',
  method: 'POST',
  path: '/api/v1/shows/{showId}/queue/claim',
  tag,
  summary: 'Claim your pass: the pass (200), or when to retry because others go first (202)',
  auth: 'account',
  rate: { perMinute: 120, burst: 30 },
  params: showParams,
  body: z.strictObject({ place: token.optional() }),
  responses: { 200: place, 202: place },
  problems: ['NOT_FOUND', 'NO_PLACE', 'PLACE_TOKEN_REFUSED', 'NOT_CALLED_YET', 'PASS_ENDED'],
});

export const leaveRoom = defineRoute({
  name: 'leaveRoom',
  method: 'DELETE',
  path: '/api/v1/shows/{showId}/queue/me',
  tag,
  summary: 'Give up your place or pass for good',
  auth: 'account',
  rate: seldom,
  params: showParams,
  responses: { 204: null },
  problems: ['NOT_FOUND', 'NO_PLACE'],
});

export const readCommitment = defineRoute({
  name: 'readCommitment',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/commitment',
  tag,
  summary:
    'Read the commitment of the draw, published long before it: the hash of the server’s seed',
  auth: 'public',
  rate: { perMinute: 60, burst: 30 },
  params: showParams,
  responses: {
    200: z.strictObject({
      showId: idOf('show'),
      algorithm: z.string(),
      commitment: z.string().meta({ description: 'SHA-256 of the server’s seed, hex' }),
      commitmentAt: instant,
    }),
  },
  problems: ['NOT_FOUND'],
});

/** Everything that `usher verify-fairness` needs; see docs/decisions/0009. */
export const drawRecord = z.strictObject({
  showId: idOf('show'),
  algorithm: z.string(),
  commitment: z.string(),
  commitmentAt: instant,
  serverSeed: z.string(),
  entries: z.int().min(0),
  root: z.string(),
  seed: z.string(),
  drawnAt: instant,
  keys: z.string().meta({ description: 'base64: 8 bytes per entry, in order of joining' }),
}) satisfies z.ZodType<DrawRecord>;

export const readDraw = defineRoute({
  name: 'readDraw',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/draw',
  tag,
  summary: 'Read the public record of the draw, once it has been made',
  auth: 'public',
  rate: { perMinute: 60, burst: 30 },
  params: showParams,
  responses: { 200: drawRecord, 304: null },
  problems: ['NOT_FOUND'],
});

export const waitingRoomRoutes = [
  readRoomNow,
  watchRoom,
  readChallenge,
  joinRoom,
  readPlace,
  sendHeartbeat,
  claimPass,
  leaveRoom,
  readCommitment,
  readDraw,
  listRooms,
  readRoom,
  putRoom,
  pullLever,
  listLevers,
];

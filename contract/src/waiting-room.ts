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

const tag = 'Waiting room';
const showParams = z.strictObject({ showId: idOf('show') });
// What people in line do may be repeated as it is, so no route of theirs takes an Idempotency-Key:
// keeping an answer would ask the database for each of them.

/** Somebody in line calls seldom; the limits stop a script, not a nervous finger. */
const seldom = { perMinute: 60, burst: 20 };

/** What holds and orders of a show with a waiting room want to see. */
export const passHeader = 'usher-pass';
export const passHeaders = {
  [passHeader]: 'The pass, where the show has a waiting room; see claimPass',
} as const;

/** How long a client waits before it asks again: its time to wait ÷ d × m, from f × m to c × m. */
const pollPolicy = z.strictObject({
  f: z.int().meta({ description: 'Floor, ms' }),
  c: z.int().meta({ description: 'Ceiling, ms' }),
  d: z.int().meta({ description: 'Divisor of the expected wait' }),
  m: z.number().meta({ description: 'The operator’s multiplier of the whole' }),
});

/**
 * The same for everybody, and asked for more than anything else: 297 bytes with a million waiting
 * and three grades, without an operator's message. What is asked for once has routes of its own.
 */
export const roomNow = z.strictObject({
  rev: z.int().meta({ description: 'Rises with every change of the room' }),
  epoch: z.int(),
  phase: roomPhase,
  override: roomOverride,
  soldOut: z.literal(true).optional(),
  now: z.int().meta({ description: 'The server’s clock, ms since 1970' }),
  opensAt: z.int().optional().meta({
    description: 'Until then: when the draw is made and the sale opens, ms',
  }),
  lobbyAt: z.int().optional().meta({ description: 'While idle: when one can come in, ms' }),
  front: z.int().meta({ description: 'Everybody up to this number has been called' }),
  tail: z.int().meta({ description: 'The highest number' }),
  waiting: z.int().meta({ description: 'People in line who have not been called' }),
  perMinute: z.number().meta({ description: 'Observed: by how much the front moves a minute' }),
  spread: z.number().meta({ description: 'How uneven that is: the slow fifth to the mean, ≥ 1' }),
  longer: z.enum(['seats', 'room', 'slow']).optional().meta({
    description:
      'Why the wait grew within the last minute: seats run out, the room is full, people take longer',
  }),
  near: z.int().meta({
    description: 'Who is called soon: send heartbeats while your number − front is not above it',
  }),
  poll: pollPolicy,
  left: z
    .record(z.string(), z.int())
    .meta({ description: 'Seats that are not sold, by grade; counted by ≤ 1 s' }),
  draw: z.strictObject({ entries: z.int() }).nullable(),
  message: localText.optional(),
});
export type RoomNow = z.infer<typeof roomNow>;

export const readRoomNow = defineRoute({
  name: 'readRoomNow',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/now',
  tag,
  summary: 'The room as everybody may see it: your position is your number − front',
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
  summary: 'The same document as server-sent events; near the front or in small rooms only',
  auth: 'public',
  rate: { perMinute: 60, burst: 30 },
  params: showParams,
  responses: { 200: { contentType: 'text/event-stream', description: '`now` events' } },
  problems: ['NOT_FOUND', 'STREAM_NOT_OFFERED'],
});

const standing = z.enum(['LOBBY', 'WAITING', 'CALLED', 'LATE', 'ACTIVE', 'OVER']);
export type Standing = z.infer<typeof standing>;

/** Signed; proves the place to us after any loss, and to anybody with the public record. */
const receipt = z.strictObject({
  entry: z.int().min(0).meta({ description: 'The how-manieth to come in, from 0' }),
  key: z.string().meta({ description: 'You, in the record of the draw; says nothing about you' }),
});

export const place = z.strictObject({
  standing,
  number: z.int().min(1).nullable().meta({ description: 'Null until the draw' }),
  ahead: z.int().min(0).nullable(),
  etaMs: z.strictObject({ from: z.int(), to: z.int() }).nullable().meta({
    description: 'Half of the people wait no longer than `from`, four in five than `to`',
  }),
  receipt,
  token: z.string().meta({ description: 'Keep it; show it with every call about this place' }),
  heartbeatEveryMs: z
    .int()
    .nullable()
    .meta({ description: 'How often to say that you are there; null: not yet' }),
  claimBy: instant.nullable().meta({ description: 'When CALLED: claim before this' }),
  pass: z
    .strictObject({ token: z.string(), endsAt: instant, endsBy: instant })
    .nullable()
    .meta({ description: 'When ACTIVE; send it as the header `usher-pass`' }),
});
export type Place = z.infer<typeof place>;

const token = z.string().max(512);

export const readChallenge = defineRoute({
  name: 'readChallenge',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/challenge',
  tag,
  summary: 'A proof-of-work challenge (ALTCHA) to solve before joining; null: none is asked',
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
  summary: 'Comes in, once: any tab, device or repeat of the same account has the same place',
  auth: 'account',
  rate: seldom,
  // A company or a mobile network behind one address comes in within minutes; a farm of accounts
  // does not come in at once.
  addressRate: { perMinute: 3000, burst: 1000 },
  params: showParams,
  body: z.strictObject({
    place: token.optional().meta({ description: 'A place token of this room, if there is one' }),
    solution: z.string().max(4096).optional().meta({ description: 'ALTCHA payload, base64' }),
  }),
  responses: { 200: place, 201: place },
  problems: [
    'NOT_FOUND',
    'ROOM_NOT_OPEN',
    'ROOM_CLOSED',
    'SHOW_SOLD_OUT',
    'TOO_MANY_WAITING',
    'CHALLENGE_REQUIRED',
    'CHALLENGE_FAILED',
  ],
});

export const readPlace = defineRoute({
  name: 'readPlace',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/me',
  tag,
  summary: 'Where I stand; after the draw once, on return, and near the front',
  auth: 'account',
  rate: seldom,
  params: showParams,
  responses: { 200: place },
  problems: ['NOT_FOUND', 'NO_PLACE'],
});

export const beatHeart = defineRoute({
  name: 'beatHeart',
  method: 'POST',
  path: '/api/v1/shows/{showId}/queue/heartbeat',
  tag,
  summary: 'I am still here; asked for only when the turn is less than 180 s away',
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
  summary: 'My turn: the pass (200), or when to ask again because others go first (202)',
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
  summary: 'Gives the place or the pass back for good',
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
  summary: 'What the draw is bound to, known long before it: the hash of the server’s seed',
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

/** Everything that `usher verify-fairness` needs; see docs/decisions on the draw. */
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
  keys: z.string().meta({ description: 'base64: 8 bytes an entry, in the order of coming in' }),
});
export type DrawRecord = z.infer<typeof drawRecord>;

export const readDraw = defineRoute({
  name: 'readDraw',
  method: 'GET',
  path: '/api/v1/shows/{showId}/queue/draw',
  tag,
  summary: 'The public record of the draw, when it was made',
  auth: 'public',
  rate: { perMinute: 60, burst: 30 },
  params: showParams,
  responses: { 200: drawRecord },
  problems: ['NOT_FOUND'],
});

export const waitingRoomRoutes = [
  readRoomNow,
  watchRoom,
  readChallenge,
  joinRoom,
  readPlace,
  beatHeart,
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

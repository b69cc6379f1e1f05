import { z } from 'zod';
import { gradeCode, idOf, instant, localText } from './primitives.ts';
import { defineRoute } from './route.ts';

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

export const roomPhase = z.enum(['idle', 'lobby', 'open', 'draining', 'closed']);
export const roomOverride = z.enum(['none', 'paused', 'bypass', 'reject']);
export type RoomPhase = z.infer<typeof roomPhase>;
export type RoomOverride = z.infer<typeof roomOverride>;

/** How long a client waits before it asks again: its time to wait ÷ d × m, from f × m to c × m. */
const pollPolicy = z.strictObject({
  f: z.int().meta({ description: 'Floor, ms' }),
  c: z.int().meta({ description: 'Ceiling, ms' }),
  d: z.int().meta({ description: 'Divisor of the expected wait' }),
  m: z.number().meta({ description: 'The operator’s multiplier of the whole' }),
});

/**
 * The same for everybody, and asked for more than anything else: 296 bytes with a million waiting
 * and three grades, without an operator's message. What is asked for once has routes of its own.
 */
export const roomNow = z.strictObject({
  rev: z.int().meta({ description: 'Rises with every change of the room' }),
  epoch: z.int(),
  phase: roomPhase,
  override: roomOverride,
  soldOut: z.boolean(),
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

const operating = { perMinute: 240, burst: 60 };
const ratePerMinute = z.int().min(1).max(600_000);
const activeMax = z.int().min(1).max(1_000_000);

/** What an operator sets; two of the three of Little’s law, the third is shown. */
export const roomSettings = z.strictObject({
  ratePerMinute: ratePerMinute.default(600),
  activeMax: activeMax.default(500),
  opensAt: instant,
  lobbyMinutes: z.int().min(0).max(1440).default(30),
  /** What joining does while more than `2 × seats left` wait. */
  whenCrowded: z.enum(['warn', 'refuse']).default('warn'),
  /** Work of the ALTCHA challenge in hashes a buyer makes on average; 0: none. */
  challengeCost: z.int().min(0).max(10_000_000).default(0),
});
export type RoomSettings = z.infer<typeof roomSettings>;

/** The room as the operator sees it. */
export const room = z.strictObject({
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
  admitted: z.int().meta({ description: 'Passes given since the room opened' }),
  perMinute: z.number(),
  meanStayMs: z.int().nullable().meta({ description: 'Little: active ÷ admissions' }),
  left: z.record(gradeCode, z.int()),
  commitment: z.string(),
  draw: z.strictObject({ entries: z.int(), seed: z.string(), root: z.string() }).nullable(),
  enabledAt: instant,
});
export type Room = z.infer<typeof room>;

export const listRooms = defineRoute({
  name: 'listRooms',
  method: 'GET',
  path: '/api/v1/operator/rooms',
  tag,
  summary: 'Every waiting room',
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
  summary: 'A room with its counts',
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
  summary: 'Gives a show a waiting room, also while it sells, or changes the settings of its room',
  auth: 'operator',
  rate: operating,
  idempotency: 'optional',
  params: showParams,
  body: z.strictObject({
    ifRev: z.int().nullable().meta({ description: 'Null: there is no room yet' }),
    reason: z.string().max(500).optional(),
    settings: roomSettings,
  }),
  responses: { 200: room, 201: room },
  problems: ['NOT_FOUND', 'ROOM_CHANGED_MEANWHILE', 'LEVER_REFUSED'],
});

export const lever = z.discriminatedUnion('lever', [
  z.strictObject({ lever: z.literal('open-lobby') }),
  z.strictObject({ lever: z.literal('open') }),
  z.strictObject({ lever: z.literal('pause') }),
  z.strictObject({ lever: z.literal('resume') }),
  z.strictObject({ lever: z.literal('reject') }),
  z.strictObject({ lever: z.literal('drain') }),
  z.strictObject({ lever: z.literal('close') }),
  z.strictObject({ lever: z.literal('bypass'), minutes: z.int().min(1).max(240) }),
  z.strictObject({
    lever: z.literal('limits'),
    ratePerMinute: ratePerMinute.optional(),
    activeMax: activeMax.optional(),
    meanStayMinutes: z.number().min(0.1).max(240).optional(),
  }),
  z.strictObject({ lever: z.literal('message'), message: localText.nullable() }),
  z.strictObject({ lever: z.literal('poll'), multiplier: z.number().min(0.5).max(20) }),
  z.strictObject({ lever: z.literal('revoke-passes') }),
]);
export type Lever = z.infer<typeof lever>;

export const pullLever = defineRoute({
  name: 'pullLever',
  method: 'POST',
  path: '/api/v1/operator/shows/{showId}/room/levers',
  tag,
  summary: 'One lever, if the room is still as the operator saw it',
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

/** One use of a lever, as it is kept for ever. */
export const leverUse = z.strictObject({
  id: idOf('lever'),
  at: instant,
  accountId: idOf('account').nullable().meta({ description: 'Null: the program itself' }),
  action: z
    .record(z.string(), z.unknown())
    .meta({ description: 'As it was sent; `settings`: a room was given or its settings changed' }),
  reason: z.string().nullable(),
  ifRev: z.int().nullable().meta({ description: 'The room that the operator saw; null: none' }),
  outcome: z.enum(['done', 'refused', 'unknown']).meta({
    description: '`unknown`: the program ended in the middle; a repeat of the same call tells',
  }),
  rev: z.int().nullable().meta({ description: 'The room’s right after; null while unknown' }),
  detail: z.string().nullable().meta({ description: 'Why it was refused' }),
  requestId: z.string(),
});
export type LeverUse = z.infer<typeof leverUse>;

export const listLevers = defineRoute({
  name: 'listLevers',
  method: 'GET',
  path: '/api/v1/operator/shows/{showId}/room/levers',
  tag,
  summary: 'Who pulled which lever, when and why: the newest 200, the latest effect first',
  auth: 'operator',
  rate: operating,
  params: showParams,
  responses: { 200: z.strictObject({ items: z.array(leverUse) }) },
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

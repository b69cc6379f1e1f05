import {
  extendHold,
  listHolds,
  readHold,
  readSeats,
  releaseHold,
  takeHold,
  watchSeats,
} from '@usher/contract/seats.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Refusal, refuse } from '../../platform/http/problem.ts';
import {
  answer,
  emptyAnswer,
  type Route,
  type RouteRequest,
  rawAnswer,
  repeatHeaders,
  route,
} from '../../platform/http/route.ts';
import { frameOf, type Streams } from '../../platform/http/sse.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Wish } from './service.take.ts';
import type { Seats, SeatsCatalogue, TakeOutcome } from './service.ts';
import type { HoldRow } from './store.ts';

type Refused = Exclude<TakeOutcome, { outcome: 'held' | 'repeated' }>;
const refuseHold = (result: Refused, nowMs: number): Refusal => {
  switch (result.outcome) {
    case 'reused':
      return refuse('IDEMPOTENCY_KEY_REUSED');
    case 'taken':
      return refuse('SEATS_TAKEN', { extra: { conflicts: result.conflicts } });
    case 'yours': {
      const { conflicts, holdId, orderId } = result;
      return refuse('SEATS_ALREADY_YOURS', { extra: { conflicts, holdId, orderId } });
    }
    case 'blocked':
      return refuse('SEATS_BLOCKED', { extra: { conflicts: result.conflicts } });
    case 'stranded':
      return refuse('SEAT_LEFT_STRANDED', { extra: { conflicts: result.conflicts } });
    case 'limit':
      return refuse('BUYER_LIMIT_REACHED', { extra: { limit: result.limit } });
    case 'not-open':
      return refuse('SALE_NOT_OPEN', {
        retryAfterMs: Math.max(1, result.opensAtMs - nowMs),
        extra: { opensAt: new Date(result.opensAtMs).toISOString() },
      });
    case 'closed':
      return refuse('SALE_CLOSED');
    case 'none-free':
      return refuse('NO_SEATS_FREE', { extra: { left: result.left } });
    case 'none-adjacent':
      return refuse('NO_ADJACENT_SEATS');
    case 'sold-out':
      return refuse('SHOW_SOLD_OUT');
    case 'unknown-performance':
      return refuse('NOT_FOUND');
    case 'unknown-grade':
      return refuse('VALIDATION_FAILED', {
        detail: `The plan has the grades ${result.grades.join(', ')}.`,
        extra: { errors: [{ path: 'body.bestAvailable.grade', message: 'no such grade' }] },
      });
    case 'unknown-seats':
      return refuse('VALIDATION_FAILED', {
        detail: 'The plan has no such seat.',
        extra: {
          errors: result.seatNos.map((seatNo) => ({
            path: 'body.seats',
            message: `no seat ${seatNo}`,
          })),
        },
      });
  }
};

type Deps = {
  seats: Seats;
  catalogue: SeatsCatalogue;
  streams: Streams;
  clock: Clock;
  ids: Ids;
};

const viewHold = async (seats: Seats, hold: HoldRow) => {
  const isOver = hold.state === 'ACTIVE' && hold.deadlineAt <= hold.nowAt;
  return {
    id: hold.id,
    performanceId: hold.performanceId,
    state: isOver ? ('LAPSED' as const) : hold.state,
    seats: (await seats.describe(hold.performanceId, hold.seatNos)).seats,
    deadline: hold.deadlineAt.toISOString(),
    endsBy: hold.endsBy.toISOString(),
    extendable: hold.state === 'ACTIVE' && !isOver && !hold.isExtended,
    orderId: hold.orderId,
    now: hold.nowAt.toISOString(),
  };
};

const readWish = (
  body: { seats: number[] } | { bestAvailable: { grade: string; count: number } },
): Wish =>
  'seats' in body
    ? { kind: 'seats', seatNos: [...body.seats].sort((a, b) => a - b) }
    : { kind: 'best', ...body.bestAvailable };

/** The map: read as a whole, then followed by its changes. */
const mapRoutes = ({ seats, streams }: Deps): Route[] => [
  route(readSeats, async ({ params, raw }) => {
    const map = await seats.readMap(params.performanceId);
    if (map === null) return refuse('NOT_FOUND');
    const etag = `"${map.version}"`;
    const headers = { etag, 'cache-control': 'public, max-age=1' };
    if (raw.headers['if-none-match'] === etag) return emptyAnswer(304, headers);
    const bits = map.bits();
    return rawAnswer(200, Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength), {
      ...headers,
      'content-type': 'application/octet-stream',
    });
  }),

  route(watchSeats, async ({ params, caller, address }) => {
    const map = await seats.readMap(params.performanceId);
    if (map === null) return refuse('NOT_FOUND');
    const first = frameOf('state', String(map.version), '');
    const viewer = { accountId: caller?.accountId ?? null, address };
    return { stream: (reply) => streams.join(params.performanceId, reply, first, viewer) };
  }),
];

const takeRoute = ({ seats, catalogue, clock, ids }: Deps): Route => {
  type Call = RouteRequest<typeof takeHold>;
  /** The same key names the same hold, even if the response to the first call was lost. */
  const makeHoldId = ({ params, caller, idempotencyKey }: Call): string =>
    ids.fromParts('hold', caller.accountId, params.performanceId, idempotencyKey);

  return route(
    takeHold,
    async (call) => {
      const { performanceId } = call.params;
      const holdId = makeHoldId(call);
      const result = await seats.take({
        performanceId,
        holdId,
        buyerId: call.caller.accountId,
        requestId: call.traceId,
        wish: readWish(call.body),
      });
      if (result.outcome === 'repeated')
        return answer(201, await viewHold(seats, result.hold), repeatHeaders);
      if (result.outcome !== 'held') return refuseHold(result, clock.nowMs());
      return answer(201, {
        id: holdId,
        performanceId,
        state: 'ACTIVE' as const,
        seats: result.seats,
        deadline: result.deadlineAt.toISOString(),
        endsBy: result.endsBy.toISOString(),
        extendable: true,
        orderId: null,
        now: new Date(clock.nowMs()).toISOString(),
      });
    },
    {
      passFor: async ({ params }) => {
        const performance = await catalogue.performance(params.performanceId);
        return performance === null ? null : { showId: performance.showId, heldAtMs: null };
      },
      // From memory only: a crowd without passes must not cause database reads.
      isRepeat: async (call) => seats.knowsHold(makeHoldId(call)),
      refuseEarly: (call) => {
        const { params, body, caller } = call;
        if (!('seats' in body)) return null;
        const makeId = () => makeHoldId(call);
        const { performanceId } = params;
        const taken = seats.refuseEarly(performanceId, caller.accountId, body.seats, makeId);
        return taken === null ? null : refuse('SEATS_TAKEN', { extra: { conflicts: taken } });
      },
    },
  );
};

const holdRoutes = ({ seats }: Deps): Route[] => {
  const read = async (holdId: string, buyerId: string) => {
    const hold = await seats.hold(holdId, buyerId);
    return hold === null ? refuse('NOT_FOUND') : answer(200, await viewHold(seats, hold));
  };
  return [
    route(listHolds, async ({ query, caller }) => {
      const holds = await seats.holdsInHand(caller.accountId, query.performanceId ?? null);
      const items = await Promise.all(holds.map((hold) => viewHold(seats, hold)));
      return answer(200, { items });
    }),

    route(readHold, ({ params, caller }) => read(params.holdId, caller.accountId)),

    route(extendHold, async ({ params, caller }) => {
      const outcome = await seats.extend(params.holdId, caller.accountId);
      switch (outcome) {
        case 'not-found':
          return refuse('NOT_FOUND');
        case 'ended':
          return refuse('HOLD_ENDED');
        case 'extended-before':
          return refuse('HOLD_EXTENDED_ALREADY');
        case 'extended':
          return read(params.holdId, caller.accountId);
      }
    }),

    route(releaseHold, async ({ params, caller, traceId }) => {
      const outcome = await seats.release(params.holdId, caller.accountId, traceId);
      switch (outcome) {
        case 'not-found':
          return refuse('NOT_FOUND');
        case 'ended':
          return refuse('HOLD_ENDED');
        case 'released':
          return emptyAnswer(204);
      }
    }),
  ];
};

export const seatsRoutes = (deps: Deps): Route[] => [
  ...mapRoutes(deps),
  takeRoute(deps),
  ...holdRoutes(deps),
];

import * as contract from '@usher/contract/waiting-room.ts';
import { streamWaitingMax } from '@usher/domain/room/constants.ts';
import { Failure } from '../../platform/failure.ts';
import { type Refusal, refuse } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, rawAnswer, route } from '../../platform/http/route.ts';
import { frameOf, type Streams } from '../../platform/http/sse.ts';
import type { WaitingRoom } from './service.ts';
import { nowHeaders } from './view.ts';

type Deps = { room: WaitingRoom; streams: Streams };

/** The polled document; null if there is no room. Throws while the store has not answered yet. */
const readDocument = (room: WaitingRoom, showId: string) => {
  const found = room.ready(showId);
  if (found !== 'away') return found;
  throw new Failure('ROOM_UNREACHABLE', 'the waiting room is unreachable', { retryable: true });
};

/** The same for everybody. The crowd's polls are answered before they get here; see view.ts. */
const publicRoutes = ({ room, streams }: Deps): Route[] => [
  route(contract.readRoomNow, async ({ params, raw }) => {
    const ready = readDocument(room, params.showId);
    if (ready === null) return refuse('NOT_FOUND');
    const headers = { ...nowHeaders, etag: ready.etag };
    if (raw.headers['if-none-match'] === ready.etag) return emptyAnswer(304, headers);
    return answer(200, ready.now, headers);
  }),

  route(contract.watchRoom, async ({ params, caller, address }) => {
    const ready = readDocument(room, params.showId);
    if (ready === null) return refuse('NOT_FOUND');
    if (ready.now.waiting >= streamWaitingMax) return refuse('STREAM_NOT_OFFERED');
    const first = frameOf('now', ready.etag.slice(1, -1), ready.body.toString());
    const viewer = { accountId: caller?.accountId ?? null, address };
    return { stream: (reply) => streams.join(params.showId, reply, first, viewer) };
  }),

  route(contract.readCommitment, async ({ params }) => {
    const commitment = room.commitment(params.showId);
    return commitment === null ? refuse('NOT_FOUND') : answer(200, commitment);
  }),

  route(contract.readDraw, async ({ params, raw }) => {
    const record = await room.drawRecord(params.showId);
    if (record === null) return refuse('NOT_FOUND');
    const { bytes, etag } = record;
    const headers = { etag, 'cache-control': 'public, max-age=3600' };
    if (raw.headers['if-none-match'] === etag) return emptyAnswer(304, headers);
    return rawAnswer(200, bytes, { ...headers, 'content-type': 'application/json; charset=utf-8' });
  }),
];

const buyerRoutes = ({ room }: Deps): Route[] => {
  const toVisitor = (params: { showId: string }, caller: { accountId: string }) => ({
    showId: params.showId,
    accountId: caller.accountId,
  });
  return [
    route(contract.readChallenge, async ({ params, caller }) => {
      const found = await room.challenge(toVisitor(params, caller));
      return found === null ? refuse('NOT_FOUND') : answer(200, found);
    }),

    route(contract.joinRoom, async ({ params, body, caller, address }) => {
      const { place = null, solution = null } = body;
      const joined = await room.join({ ...toVisitor(params, caller), place, solution, address });
      if ('refusal' in joined) return joined;
      return joined.isNew ? answer(201, joined.place) : answer(200, joined.place);
    }),

    route(contract.readPlace, async ({ params, caller }) => {
      const found = await room.readPlace(toVisitor(params, caller));
      return 'refusal' in found ? found : answer(200, found.place);
    }),

    route(contract.sendHeartbeat, async ({ params, body, caller }) => {
      const heard = await room.beat({ ...toVisitor(params, caller), place: body.place });
      return 'refusal' in heard ? heard : emptyAnswer(204);
    }),

    route(contract.claimPass, async ({ params, body, caller }) => {
      const claimed = await room.claim({
        ...toVisitor(params, caller),
        place: body.place ?? null,
      });
      if ('refusal' in claimed) return claimed;
      return claimed.place.standing === 'ACTIVE'
        ? answer(200, claimed.place)
        : answer(202, claimed.place);
    }),

    route(contract.leaveRoom, async ({ params, caller }) => {
      const left: { outcome: 'left' } | Refusal = await room.leave(toVisitor(params, caller));
      return 'refusal' in left ? left : emptyAnswer(204);
    }),
  ];
};

/**
 * The routes of buyers and the public ones; the operator's are with the levers
 * (services/operations).
 */
export const waitingRoomRoutes = (deps: Deps): Route[] => [
  ...publicRoutes(deps),
  ...buyerRoutes(deps),
];

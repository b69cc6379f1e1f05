import { createHmac } from 'node:crypto';
import type { Place, RoomNow } from '@usher/contract/waiting-room.ts';
import { drawAlgorithm, numberOf } from '@usher/domain/draw.ts';
import type { DrawRecord } from '@usher/domain/draw-check.ts';
import * as limits from '@usher/domain/room/constants.ts';
import { isSoldOut, totalOf } from '@usher/domain/room/now.ts';
import { makePlaceView, type StandsAt } from '@usher/domain/room/place.ts';
import type { RoomAnswer, RoomCommand, RoomPhase, RoomState } from '@usher/domain/room/types.ts';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { PassAsked, PassCheck } from '../../platform/http/pass.ts';
import { type Refusal, refuse } from '../../platform/http/problem.ts';
import type { Log } from '../../platform/log.ts';
import type { ProofOfWork } from '../../platform/proof-of-work.ts';
import { deriveKey, makeTokenSigner } from '../../platform/signed-token.ts';
import { type LiveRoom, type Rooms, stateOf } from './live.ts';
import type { RoomStore } from './store.ts';

/** 8 bytes that only this installation can make of an account and a show. */
export const makePersonOf = (secret: string) => {
  const key = deriveKey(secret, 'waiting-room person');
  return (showId: string, accountId: string): Uint8Array =>
    createHmac('sha256', key).update(`${showId} ${accountId}`).digest().subarray(0, 8);
};
const textOf = (person: Uint8Array): string =>
  Buffer.from(person.buffer, person.byteOffset, person.length).toString('base64url');

const person = z.string().length(11);
const count = z.int().min(0);
const placeToken = z.strictObject({ show: z.string(), person, entry: count, epoch: count });
const passToken = z.strictObject({
  show: z.string(),
  person,
  number: count,
  epoch: count,
  /** The store's clock. Until when it lasts without being used is the store's to know. */
  endsByMs: count,
});

type Deps = {
  rooms: Rooms;
  store: RoomStore;
  personOf: ReturnType<typeof makePersonOf>;
  proofOfWork: ProofOfWork;
  clock: Clock;
  log: Log;
  secret: string;
};

/** Somebody in a room. */
type Visitor = { room: LiveRoom; state: RoomState; person: Uint8Array; accountId: string };
type Who = { showId: string; accountId: string };

const makeTokens = (secret: string) => {
  const places = makeTokenSigner({ secret, kind: 'place', schema: placeToken });
  const passes = makeTokenSigner({ secret, kind: 'pass', schema: passToken });
  /** Null unless we signed it for this person in this room. */
  const own = <T extends { show: string; person: string }>(
    payload: T | null,
    showId: string,
    who: Uint8Array,
  ): T | null => (payload?.show === showId && payload.person === textOf(who) ? payload : null);
  return {
    signPlace: places.sign,
    signPass: passes.sign,
    ownPlace: (token: string, showId: string, who: Uint8Array) =>
      own(places.verify(token), showId, who),
    ownPass: (token: string, showId: string, who: Uint8Array) =>
      own(passes.verify(token), showId, who),
  };
};
type Tokens = ReturnType<typeof makeTokens>;

const instantOf = (atMs: number): string => new Date(atMs).toISOString();

const viewOf = (tokens: Tokens, { room, person }: Visitor, stands: StandsAt): Place => {
  const { showId: show, permutation } = room;
  const state = stateOf(room);
  const rate = room.fronts.observed(state.ratePerMinute);
  const key = textOf(person);
  const { epoch } = state;
  return makePlaceView(
    stands,
    { state, rate, permutation, key },
    {
      place: (entry) => tokens.signPlace({ show, person: key, entry, epoch }),
      pass: ({ number, endsByMs }) =>
        tokens.signPass({ show, person: key, number, epoch, endsByMs }),
    },
  );
};

/** Why nobody new comes in, whoever it is; null: they may. */
const closedTo = ({ room, state }: Visitor): Refusal | null => {
  const { left, row } = room;
  if (isSoldOut(left)) return refuse('SHOW_SOLD_OUT');
  if (left === null || row.settings.whenCrowded === 'warn') return null;
  const { waiting } = state;
  return waiting > limits.crowdedPerSeat * totalOf(left)
    ? refuse('TOO_MANY_WAITING', { extra: { waiting, left: totalOf(left) } })
    : null;
};
/** The store's no, as far as the phase is the reason. */
const notIn = (phase: RoomPhase, override: string, state: RoomState): Refusal | null => {
  if (override === 'reject' || phase === 'draining' || phase === 'closed')
    return refuse('ROOM_CLOSED');
  if (phase !== 'idle') return null;
  const retryAfterMs = Math.max(1, state.lobbyAtMs - state.nowMs);
  return refuse('ROOM_NOT_OPEN', { retryAfterMs, extra: { lobbyAt: instantOf(state.lobbyAtMs) } });
};

/** Everybody's way through the room. */
const makePlaces = (deps: Deps, tokens: Tokens) => {
  const { rooms, store, personOf, proofOfWork } = deps;

  const find = ({ showId, accountId }: Who): Visitor | Refusal => {
    const room = rooms.get(showId);
    if (room === undefined) return refuse('NOT_FOUND');
    return { room, state: stateOf(room), person: personOf(showId, accountId), accountId };
  };
  const play = async ({ room }: Visitor, command: RoomCommand): Promise<RoomAnswer> => {
    // Numbers are being computed after a restart: without them nobody's place can be told.
    if (stateOf(room).drawnAtMs > 0 && room.permutation === null) await room.drawing;
    const [answer] = await store.play(room.showId, [command]);
    assert(answer, 'one answer for each command');
    return answer;
  };
  const playAt = (visitor: Visitor, kind: 'appear' | 'claim' | 'leave', entry: number) => {
    const number = numberOf(entry, visitor.room.permutation);
    return play(visitor, { kind, person: visitor.person, entry, number });
  };
  /** `mayEnter` false: only whoever has a place is given it. */
  const ask = (
    { person }: Visitor,
    presented: { entry: number; epoch: number } | null,
    more: { mayEnter: boolean; replaces: number | null },
  ): RoomCommand => ({ kind: 'join', person, presented, ...more });
  const only = { mayEnter: false, replaces: null };

  /** A new place, or the one that they have, or why not. */
  const enter = async (
    visitor: Visitor,
    presented: { entry: number; epoch: number } | null,
    wish: { replaces: number | null; solution: string | null },
  ): Promise<Extract<RoomAnswer, { outcome: 'placed' }> | Refusal> => {
    const { room, accountId } = visitor;
    const { replaces, solution } = wish;
    const closed = closedTo(visitor);
    const needsWork = room.row.settings.challengeCost > 0;
    const mayEnter = closed === null && !needsWork;
    const first = await play(visitor, ask(visitor, presented, { mayEnter, replaces }));
    if (first.outcome === 'placed') return first;
    assert(first.outcome === 'refused', 'joining places or refuses');
    const no = notIn(first.phase, first.override, stateOf(room)) ?? closed;
    if (no !== null) return no;
    if (solution === null) return refuse('CHALLENGE_REQUIRED');
    // Last of all: a good solution is used up by this.
    const verdict = await proofOfWork.verify(solution, `${accountId} ${room.showId}`);
    if (verdict !== 'ok') return refuse('CHALLENGE_FAILED');
    const second = await play(visitor, ask(visitor, presented, { mayEnter: true, replaces }));
    if (second.outcome === 'placed') return second;
    assert(second.outcome === 'refused', 'joining places or refuses');
    return notIn(second.phase, second.override, stateOf(room)) ?? refuse('ROOM_CLOSED');
  };

  const join = async (
    wish: Who & { place: string | null; solution: string | null },
  ): Promise<{ outcome: 'placed'; isNew: boolean; place: Place } | Refusal> => {
    const visitor = find(wish);
    if ('refusal' in visitor) return visitor;
    // Somebody else's, or a forged one, is nothing to them, and does not keep them out either.
    const shown =
      wish.place === null ? null : tokens.ownPlace(wish.place, wish.showId, visitor.person);
    let placed = await enter(visitor, shown, { ...wish, replaces: null });
    if ('refusal' in placed) return placed;
    let stands = await standsAt(visitor, placed);
    if (stands.standing === 'over') {
      placed = await enter(visitor, null, { ...wish, replaces: placed.entry });
      if ('refusal' in placed) return placed;
      stands = await standsAt(visitor, placed);
    }
    return { outcome: 'placed', isNew: placed.isNew, place: viewOf(tokens, visitor, stands) };
  };
  const standsAt = async (
    visitor: Visitor,
    { entry, isNew }: { entry: number; isNew: boolean },
  ): Promise<StandsAt> => {
    const isDrawn = stateOf(visitor.room).drawnAtMs > 0;
    const more = { outcome: 'stands', claimByMs: 0, pass: null } as const;
    if (!isDrawn) return { ...more, standing: 'lobby', entry };
    if (isNew) return { ...more, standing: 'waiting', entry };
    const answer = await playAt(visitor, 'appear', entry);
    // Given back in the same moment, on another device.
    return answer.outcome === 'stands'
      ? { ...answer, entry }
      : { ...more, standing: 'over', entry };
  };

  /** The entry of whoever shows no token; asks the store. */
  const lookUp = async (visitor: Visitor): Promise<number | Refusal> => {
    const answer = await play(visitor, ask(visitor, null, only));
    return answer.outcome === 'placed' ? answer.entry : refuse('NO_PLACE');
  };
  /**
   * Plays a command at the place that they show, or at the one that the store knows. A place that
   * the store has lost is brought back by the token.
   */
  const actAt = async (
    visitor: Visitor,
    kind: 'appear' | 'claim' | 'leave',
    token: string | null,
  ): Promise<{ answer: RoomAnswer; entry: number } | Refusal> => {
    const shown =
      token === null ? null : tokens.ownPlace(token, visitor.room.showId, visitor.person);
    if (token !== null && shown === null) return refuse('PLACE_TOKEN_REFUSED');
    const entry = shown?.entry ?? (await lookUp(visitor));
    if (typeof entry !== 'number') return entry;
    const answer = await playAt(visitor, kind, entry);
    if (answer.outcome !== 'none' || shown === null)
      return answer.outcome === 'none' ? refuse('NO_PLACE') : { answer, entry };
    const known = await play(visitor, ask(visitor, shown, only));
    if (known.outcome !== 'placed') return refuse('NO_PLACE');
    if (known.entry !== entry) return refuse('PLACE_TOKEN_REFUSED');
    return { answer: await playAt(visitor, kind, entry), entry };
  };
  const stand = async (
    wish: Who,
    kind: 'appear' | 'claim',
    token: string | null,
  ): Promise<{ visitor: Visitor; stands: StandsAt } | Refusal> => {
    const visitor = find(wish);
    if ('refusal' in visitor) return visitor;
    const acted = await actAt(visitor, kind, token);
    if ('refusal' in acted) return acted;
    const { answer, entry } = acted;
    return answer.outcome === 'stands'
      ? { visitor, stands: { ...answer, entry } }
      : refuse('NO_PLACE');
  };

  return {
    join,
    readPlace: async (who: Who): Promise<{ outcome: 'stands'; place: Place } | Refusal> => {
      const found = await stand(who, 'appear', null);
      if ('refusal' in found) return found;
      return { outcome: 'stands', place: viewOf(tokens, found.visitor, found.stands) };
    },
    beat: async (wish: Who & { place: string }): Promise<{ outcome: 'heard' } | Refusal> => {
      const found = await stand(wish, 'appear', wish.place);
      return 'refusal' in found ? found : { outcome: 'heard' };
    },
    /** Place of who has a pass now, or of who is late and asks again; else why not. */
    claim: async (
      wish: Who & { place: string | null },
    ): Promise<{ outcome: 'stands'; place: Place } | Refusal> => {
      const found = await stand(wish, 'claim', wish.place);
      if ('refusal' in found) return found;
      const place = viewOf(tokens, found.visitor, found.stands);
      const { standing } = found.stands;
      if (standing === 'over') return refuse('PASS_ENDED');
      if (standing === 'active' || standing === 'late') return { outcome: 'stands', place };
      return refuse('NOT_CALLED_YET', { extra: { ahead: place.ahead } });
    },
    leave: async (who: Who): Promise<{ outcome: 'left' } | Refusal> => {
      const visitor = find(who);
      if ('refusal' in visitor) return visitor;
      const acted = await actAt(visitor, 'leave', null);
      return 'refusal' in acted ? acted : { outcome: 'left' };
    },
    challenge: async ({ showId, accountId }: Who) => {
      const room = rooms.get(showId);
      if (room === undefined) return null;
      const { challengeCost } = room.row.settings;
      return { challenge: await proofOfWork.challenge(challengeCost, `${accountId} ${showId}`) };
    },
  };
};

/** Whether somebody may buy now: asked for every hold and order, once, at the edge. */
const makePasses = ({ rooms, store, personOf, clock, log }: Deps, tokens: Tokens) => {
  /** Without I/O: null, a refusal, or a pass that the store is to be asked about. */
  const judge = ({ showId, heldAtMs, accountId, pass }: PassAsked) => {
    const room = rooms.get(showId);
    if (room === undefined) return null;
    const control = room.state ?? room.row.control;
    if (control.override === 'bypass') return null;
    if (heldAtMs !== null && heldAtMs < room.passesFromMs) return null;
    if (pass === undefined) return refuse('PASS_REQUIRED');
    const who = personOf(showId, accountId);
    const shown = tokens.ownPass(pass, showId, who);
    const isOver =
      shown === null ||
      shown.epoch < control.passEpoch ||
      shown.endsByMs <= clock.nowMs() + room.skewMs;
    if (isOver) return refuse('PASS_ENDED');
    const { number, epoch, endsByMs } = shown;
    return { person: who, presented: { number, epoch, endsByMs } };
  };
  const check: PassCheck = {
    refuseEarly: (asked) => {
      const judged = judge(asked);
      return judged !== null && 'refusal' in judged ? judged : null;
    },
    refuse: async (asked) => {
      const judged = judge(asked);
      if (judged === null || 'refusal' in judged) return judged;
      const [answer] = await store.play(asked.showId, [{ kind: 'touch', ...judged }]);
      return answer?.outcome === 'live' ? null : refuse('PASS_ENDED');
    },
  };
  return {
    ...check,
    /**
     * The pass lives as long as its order waits for money: until `untilMs` by the database's clock.
     * Never throws: the order stands whatever becomes of this.
     */
    pin: async (showId: string, accountId: string, orderId: string, untilMs: number) => {
      const room = rooms.get(showId);
      if (room === undefined) return;
      const who = { person: personOf(showId, accountId), orderId };
      await store
        .play(showId, [
          { kind: 'pin', ...who, untilMs: untilMs + room.skewMs + limits.pinMarginMs },
        ])
        .catch((error: unknown) => log.warn({ err: error, orderId }, 'a pass could not be pinned'));
    },
  };
};

export const makeWaitingRoom = (deps: Deps) => {
  const { rooms, store } = deps;
  const tokens = makeTokens(deps.secret);
  const bindingOf = ({ showId, row }: LiveRoom) => ({
    showId,
    algorithm: drawAlgorithm,
    commitment: row.commitment,
    commitmentAt: instantOf(row.enabledAtMs),
  });
  return {
    ...makePlaces(deps, tokens),
    passes: makePasses(deps, tokens),
    /** Null where there is no room. */
    now: (showId: string): RoomNow | null => rooms.get(showId)?.now ?? null,
    /** What is polled, as it is sent; `away` until the store has answered. */
    ready: (showId: string) => {
      const room = rooms.get(showId);
      if (room === undefined) return null;
      const { ready, now } = room;
      return ready === null || now === null ? 'away' : { ...ready, now };
    },
    commitment: (showId: string) => {
      const room = rooms.get(showId);
      return room === undefined ? null : bindingOf(room);
    },
    /** Null until the draw was made. */
    drawRecord: async (showId: string): Promise<DrawRecord | null> => {
      const room = rooms.get(showId);
      const state = room?.state;
      if (room === undefined || !state || state.drawnAtMs === 0) return null;
      room.keys ??= await store.entries(showId);
      const { seed, root, drawEntries: entries, drawnAtMs } = state;
      return {
        ...bindingOf(room),
        serverSeed: room.row.serverSeed,
        entries,
        root,
        seed,
        drawnAt: instantOf(drawnAtMs),
        keys: Buffer.from(room.keys).toString('base64'),
      };
    },
  };
};
export type WaitingRoom = ReturnType<typeof makeWaitingRoom>;

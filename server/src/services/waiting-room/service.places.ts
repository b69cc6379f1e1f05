import type { Place } from '@usher/contract/waiting-room.ts';
import { numberOf } from '@usher/domain/draw.ts';
import { writeInstant } from '@usher/domain/instant.ts';
import { challengeCostOf } from '@usher/domain/room/arrivals.ts';
import * as limits from '@usher/domain/room/constants.ts';
import { isSoldOut, totalOf } from '@usher/domain/room/now.ts';
import { makePlaceView, type StandsAt } from '@usher/domain/room/place.ts';
import type { RoomAnswer, RoomCommand, RoomPhase, RoomState } from '@usher/domain/room/types.ts';
import { assert } from '../../platform/failure.ts';
import { type Refusal, refuse } from '../../platform/http/problem.ts';
import { toSubscriber } from '../../platform/http/rate-limit.ts';
import type { ProofOfWork } from '../../platform/proof-of-work.ts';
import { type LiveRoom, type Rooms, stateOf } from './live.ts';
import type { RoomStore } from './store.ts';
import { type DerivePerson, type Tokens, writePerson } from './tokens.ts';

export type PlaceDeps = {
  rooms: Rooms;
  store: RoomStore;
  derivePerson: DerivePerson;
  proofOfWork: ProofOfWork;
  placesPerAddressMax: number | null;
};

/** A person in a room. */
type Visitor = { room: LiveRoom; state: RoomState; person: Uint8Array; accountId: string };
type Who = { showId: string; accountId: string };

/** The proof of a place: its entry, and the epoch in which it was signed. */
type Shown = { entry: number; epoch: number } | null;

const viewPlace = (tokens: Tokens, { room, person }: Visitor, stands: StandsAt): Place => {
  const { showId: show, permutation, left, skipped } = room;
  const state = stateOf(room);
  const rate = room.fronts.observed(state.ratePerMinute);
  const key = writePerson(person);
  const { epoch } = state;
  return makePlaceView(
    stands,
    { state, rate, left, permutation, skipped, key },
    {
      place: (entry) => tokens.signPlace({ show, person: key, entry, epoch }),
      pass: ({ number, endsByMs }) =>
        tokens.signPass({ show, person: key, number, epoch, endsByMs }),
    },
  );
};

/** Why new people cannot join; null: they can. */
const judgeCrowd = ({ room, state }: Visitor): Refusal | null => {
  const { left, row } = room;
  if (isSoldOut(left)) return refuse('SHOW_SOLD_OUT');
  if (left === null || row.settings.whenCrowded === 'warn') return null;
  const { waiting } = state;
  return waiting > limits.crowdedPerSeat * totalOf(left)
    ? refuse('TOO_MANY_WAITING', { extra: { waiting, left: totalOf(left) } })
    : null;
};
/** The store's refusal, if the phase is the reason. */
const judgePhase = (phase: RoomPhase, override: string, state: RoomState): Refusal | null => {
  if (override === 'reject' || phase === 'draining' || phase === 'closed')
    return refuse('ROOM_CLOSED');
  if (phase !== 'idle') return null;
  const retryAfterMs = Math.max(1, state.lobbyAtMs - state.nowMs);
  return refuse('ROOM_NOT_OPEN', {
    retryAfterMs,
    extra: { lobbyAt: writeInstant(state.lobbyAtMs) },
  });
};

/** `mayEnter` false: only people who already have a place get it. */
const askToJoin = (
  { person }: Visitor,
  presented: Shown,
  more: { mayEnter: boolean; replaces: number | null },
): RoomCommand => ({ kind: 'join', person, presented, ...more });
/** Asks for the place that the person has, never for a new one. */
const onlyTheirs = { mayEnter: false, replaces: null };

/** Finds people in their rooms and plays their commands. */
const makePlayer = ({ rooms, store, derivePerson }: PlaceDeps) => {
  const find = ({ showId, accountId }: Who): Visitor | Refusal => {
    const room = rooms.get(showId);
    if (room === undefined) return refuse('NOT_FOUND');
    return { room, state: stateOf(room), person: derivePerson(showId, accountId), accountId };
  };
  const play = async ({ room }: Visitor, command: RoomCommand): Promise<RoomAnswer> => {
    // Numbers are being recomputed after a restart: until then nobody's place is known.
    if (stateOf(room).drawnAtMs > 0 && room.permutation === null) await room.drawing;
    const [answer] = await store.play(room.showId, [command]);
    assert(answer, 'one answer for each command');
    return answer;
  };
  const playAt = (visitor: Visitor, kind: 'appear' | 'claim' | 'leave', entry: number) => {
    const number = numberOf(entry, visitor.room.permutation);
    return play(visitor, { kind, person: visitor.person, entry, number });
  };

  return { find, play, playAt };
};
type Player = ReturnType<typeof makePlayer>;

/** Joining: a place for everybody who may enter; those who join again get the same one. */
const makeJoining = (
  { find, play, playAt }: Player,
  { proofOfWork, placesPerAddressMax }: PlaceDeps,
  tokens: Tokens,
) => {
  /** A new place, the existing one, or why there is none. */
  const enter = async (
    visitor: Visitor,
    presented: Shown,
    wish: { replaces: number | null; solution: string | null },
    full: Refusal | null,
  ): Promise<Extract<RoomAnswer, { outcome: 'placed' }> | Refusal> => {
    const { room, accountId } = visitor;
    const { replaces, solution } = wish;
    const closed = judgeCrowd(visitor) ?? full;
    const needsWork = room.row.settings.challengeCost > 0;
    const mayEnter = closed === null && !needsWork;
    const first = await play(visitor, askToJoin(visitor, presented, { mayEnter, replaces }));
    if (first.outcome === 'placed') return first;
    assert(first.outcome === 'refused', 'joining places or refuses');
    const no = judgePhase(first.phase, first.override, stateOf(room)) ?? closed;
    if (no !== null) return no;
    if (solution === null) return refuse('CHALLENGE_REQUIRED');
    // Checked last, because this uses up a valid solution.
    const verdict = await proofOfWork.verify(solution, `${accountId} ${room.showId}`);
    if (verdict !== 'ok') return refuse('CHALLENGE_FAILED');
    const second = await play(visitor, askToJoin(visitor, presented, { mayEnter: true, replaces }));
    if (second.outcome === 'placed') return second;
    assert(second.outcome === 'refused', 'joining places or refuses');
    return judgePhase(second.phase, second.override, stateOf(room)) ?? refuse('ROOM_CLOSED');
  };

  /** The same, counted for the address; an address that has its places gets no new one. */
  const enterFrom = async (
    address: string,
    visitor: Visitor,
    presented: Shown,
    wish: { replaces: number | null; solution: string | null },
  ): ReturnType<typeof enter> => {
    if (placesPerAddressMax === null) return enter(visitor, presented, wish, null);
    const { placesGiven } = visitor.room;
    const from = toSubscriber(address);
    const isFull = !placesGiven.take(from, placesPerAddressMax);
    const full = isFull ? refuse('ADDRESS_PLACES_TAKEN') : null;
    let isNew = false;
    try {
      const entered = await enter(visitor, presented, wish, full);
      isNew = !('refusal' in entered) && entered.isNew;
      return entered;
    } finally {
      if (!isFull && !isNew) placesGiven.giveBack(from);
    }
  };

  const readStanding = async (
    visitor: Visitor,
    { entry, isNew }: { entry: number; isNew: boolean },
  ): Promise<StandsAt> => {
    const isDrawn = stateOf(visitor.room).drawnAtMs > 0;
    const more = { outcome: 'stands', claimByMs: 0, pass: null } as const;
    if (!isDrawn) return { ...more, standing: 'lobby', entry };
    if (isNew) return { ...more, standing: 'waiting', entry };
    const answer = await playAt(visitor, 'appear', entry);
    // Given back at the same moment, on another device.
    return answer.outcome === 'stands'
      ? { ...answer, entry }
      : { ...more, standing: 'over', entry };
  };

  const join = async (
    wish: Who & { place: string | null; solution: string | null; address: string },
  ): Promise<{ outcome: 'placed'; isNew: boolean; place: Place } | Refusal> => {
    const visitor = find(wish);
    if ('refusal' in visitor) return visitor;
    // Another person's token, or a forged one, is ignored; it does not keep them out either.
    const shown =
      wish.place === null ? null : tokens.ownPlace(wish.place, wish.showId, visitor.person);
    const { address } = wish;
    let placed = await enterFrom(address, visitor, shown, { ...wish, replaces: null });
    if ('refusal' in placed) return placed;
    let stands = await readStanding(visitor, placed);
    if (stands.standing === 'over') {
      placed = await enterFrom(address, visitor, null, { ...wish, replaces: placed.entry });
      if ('refusal' in placed) return placed;
      stands = await readStanding(visitor, placed);
    }
    return { outcome: 'placed', isNew: placed.isNew, place: viewPlace(tokens, visitor, stands) };
  };

  return { join };
};

/** Standing: what people do with the place that they have. */
const makeStanding = ({ find, play, playAt }: Player, tokens: Tokens) => {
  /** The entry of a person who presents no token; asks the store. */
  const lookUp = async (visitor: Visitor): Promise<number | Refusal> => {
    const answer = await play(visitor, askToJoin(visitor, null, onlyTheirs));
    return answer.outcome === 'placed' ? answer.entry : refuse('NO_PLACE');
  };
  /**
   * Plays a command with the place of the token, or the one that the store knows. A place that the
   * store has lost is restored from the token.
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
    const known = await play(visitor, askToJoin(visitor, shown, onlyTheirs));
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
    readPlace: async (who: Who): Promise<{ outcome: 'stands'; place: Place } | Refusal> => {
      const found = await stand(who, 'appear', null);
      if ('refusal' in found) return found;
      return { outcome: 'stands', place: viewPlace(tokens, found.visitor, found.stands) };
    },
    beat: async (wish: Who & { place: string }): Promise<{ outcome: 'heard' } | Refusal> => {
      const found = await stand(wish, 'appear', wish.place);
      return 'refusal' in found ? found : { outcome: 'heard' };
    },
    /**
     * The place of a person who has a pass now, or who is late and asks again; otherwise why not.
     */
    claim: async (
      wish: Who & { place: string | null },
    ): Promise<{ outcome: 'stands'; place: Place } | Refusal> => {
      const found = await stand(wish, 'claim', wish.place);
      if ('refusal' in found) return found;
      const place = viewPlace(tokens, found.visitor, found.stands);
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
  };
};

/** Everybody's path through the room. */
export const makePlaces = (deps: PlaceDeps, tokens: Tokens) => {
  const { rooms, proofOfWork } = deps;
  const player = makePlayer(deps);
  return {
    ...makeJoining(player, deps, tokens),
    ...makeStanding(player, tokens),
    challenge: async ({ showId, accountId }: Who) => {
      const room = rooms.get(showId);
      if (room === undefined) return null;
      const cost = challengeCostOf(room.row.settings, room.arrivals.inMinute());
      return { challenge: await proofOfWork.challenge(cost, `${accountId} ${showId}`) };
    },
  };
};

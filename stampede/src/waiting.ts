import type { ProblemCode } from '@usher/contract/problems.ts';
import {
  claimPass,
  joinRoom,
  leaveRoom,
  type Place,
  type RoomNow,
  readPlace,
  readRoomNow,
  sendHeartbeat,
} from '@usher/contract/waiting-room.ts';
import { firstPollSpreadMs, pollIntervalMs } from '@usher/domain/room/poll-policy.ts';
import { countGiven, nothingSkipped } from '@usher/domain/room/skipped.ts';
import { solveChallengeOf } from './challenge.ts';
import type { Buyer, Crowd, End, Room } from './crowd.ts';
import type { Person } from './person.ts';
import { beginSlot, endSlot, notePlace } from './visit.ts';

/** One person in the waiting room: the state of the page in front of them. */
type Line = {
  crowd: Crowd;
  buyer: Buyer;
  person: Person;
  room: Room;
  params: { showId: string };
  place: Place | null;
  now: RoomNow | null;
  etag: string | null;
  /** On the monotonic clock; Infinity: not due. */
  pollAtMs: number;
  beatAtMs: number;
  whims: { atMs: number; act: (line: Line) => Promise<End | null> }[];
  /** Places that were given up or have ended, after which another is not a change. */
  mayBeNew: boolean;
  joinsLeft: number;
};

/** A failed challenge, a lost place, an expired pass: nobody retries forever. */
const joinsMax = 8;
/** From the opening until everybody can see the draw; earlier polls must be repeated. */
const drawTakesMs = 500;
/** The interval of heartbeats near the front. */
const heartbeatMs = 20_000;
/** A claim or pass is assumed to expire this much earlier, whatever the clocks say. */
const clockMarginMs = 2000;
/** A late person goes away when the turn is this near. */
const nearMs = 10_000;

/** Waits until the session has the pass; returns why a person went home without one. */
export const waitForTurn = async (
  crowd: Crowd,
  buyer: Buyer,
  person: Person,
  room: Room,
): Promise<End | null> => {
  const line: Line = {
    crowd,
    buyer,
    person,
    room,
    params: { showId: crowd.sale.showId },
    place: null,
    now: null,
    etag: null,
    mayBeNew: false,
    joinsLeft: joinsMax,
    pollAtMs: 0,
    beatAtMs: Infinity,
    whims: [],
  };
  let end = (await look(line)) ?? (await join(line));
  drawWhims(line);
  while (end === null && !crowd.signal.aborted) {
    const { now, place } = line;
    if (now === null || place === null) throw new Error('assertion failed: came in and looked');
    if (now.soldOut) end = 'sold out';
    else if (now.override === 'bypass' || takePass(line)) return null;
    else if (place.number === null && now.draw !== null) end = await ask(line);
    else if (isCalled(line)) end = await answerCall(line);
    else end = await rest(line);
  }
  return end ?? 'stopped';
};

const isCalled = ({ place, now }: Line): boolean =>
  place !== null &&
  (place.standing === 'CALLED' ||
    place.standing === 'LATE' ||
    (place.number !== null && place.number <= (now?.front ?? 0)));

const nowMs = ({ crowd }: Line): number => crowd.clock.monotonicMs();

/** By the mean rate that the room reports; null while it is not known. */
const etaOf = ({ place, now }: Line): number | null => {
  if (place?.number == null || now === null || now.perMinute === 0) return null;
  const skipped = now.skipped ?? nothingSkipped;
  const ahead = countGiven(place.number, skipped) - countGiven(now.front, skipped);
  return (Math.max(0, ahead) / now.perMinute) * 60_000;
};

/** An instant of the server on our monotonic clock, rather too early. */
const localMs = (line: Line, instant: string): number => {
  const { clock } = line.crowd;
  const leftMs = Date.parse(instant) - line.room.aheadMs - clock.nowMs();
  return clock.monotonicMs() + Math.max(0, leftMs - clockMarginMs);
};

/** Reads the document that everybody polls, and sets the next time to read it. */
const look = async (line: Line): Promise<End | null> => {
  const { person, params, etag, crowd, room } = line;
  const read = await person.click(
    readRoomNow,
    { params },
    { step: 'poll room', isAnonymous: true, etag },
  );
  if (read.outcome === 'gave-up') return 'no answer from the server';
  if (read.outcome === 'refused') return 'refused otherwise';
  if (read.status === 200) {
    line.now = read.body;
    room.aheadMs = Math.max(room.aheadMs, read.body.now - crowd.clock.nowMs());
    line.etag = read.headers.get('etag');
  }
  schedule(line);
  return null;
};

const schedule = (line: Line): void => {
  const { now, room, buyer } = line;
  if (now === null) return;
  const etaMs = etaOf(line);
  const { f: floorMs, c: ceilingMs, d: divisor, m: multiplier } = now.poll;
  const policy = { floorMs, ceilingMs, divisor };
  const atMs = nowMs(line);
  const random = buyer.random.next();
  line.pollAtMs = atMs + pollIntervalMs(policy, { etaMs, multiplier, random });
  const drawMs = room.opensAtMs + drawTakesMs + random * firstPollSpreadMs(now.tail);
  if (now.draw === null && line.pollAtMs > drawMs)
    line.pollAtMs = Math.max(drawMs, atMs + floorMs * multiplier);
  if (!isNear(line)) line.beatAtMs = Infinity;
  // People who become near at the same time do not send heartbeats at the same time.
  else if (line.beatAtMs === Infinity) line.beatAtMs = atMs + heartbeatMs * buyer.random.next();
};

const isNear = ({ place, now }: Line): boolean =>
  place?.number != null && now !== null && place.number - now.front <= now.near;

/** Records what a response says, for the page and for the audit. */
const take = (line: Line, place: Place, askedMs: number): void => {
  const toldMs = nowMs(line);
  notePlace(line.buyer.visit, place, { askedMs, toldMs, mayBeNew: line.mayBeNew });
  line.mayBeNew = place.standing === 'OVER';
  line.place = place;
  const { visit } = line.buyer;
  if (place.standing === 'WAITING') visit.notYetAskedMs = askedMs;
  if (place.claimBy !== null) beginSlot(visit, toldMs, localMs(line, place.claimBy));
};

const refusals: Partial<Record<ProblemCode, End>> = {
  SHOW_SOLD_OUT: 'sold out',
  TOO_MANY_WAITING: 'turned away at the door',
  ADDRESS_PLACES_TAKEN: 'turned away at the door',
  ROOM_CLOSED: 'turned away at the door',
};

/** Joins, or requests the existing place again. */
const join = async (line: Line): Promise<End | null> => {
  const { person, params } = line;
  // A person who has a place need not present it.
  const isNew = line.buyer.visit.places.length === 0;
  let solution = isNew ? await solveChallengeOf(person, params) : undefined;
  while (line.joinsLeft > 0) {
    line.joinsLeft -= 1;
    const askedMs = nowMs(line);
    const joined = await person.click(
      joinRoom,
      { params, body: { place: line.place?.token, solution } },
      { step: 'join room' },
    );
    if (joined.outcome === 'gave-up') return 'no answer from the server';
    if (joined.outcome === 'answer') {
      take(line, joined.body, askedMs);
      return null;
    }
    const { code, problem } = joined;
    if (code === 'CHALLENGE_REQUIRED' || code === 'CHALLENGE_FAILED')
      solution = await solveChallengeOf(person, params);
    else if (code === 'ROOM_NOT_OPEN') await person.wait(problem.retryAfterMs ?? 1000);
    else return refusals[code] ?? 'refused otherwise';
  }
  return 'refused otherwise';
};

/** Reads the place: after the draw, and after being away. */
const ask = async (line: Line): Promise<End | null> => {
  const askedMs = nowMs(line);
  const { person, params } = line;
  const read = await person.click(readPlace, { params }, { step: 'read place' });
  if (read.outcome === 'gave-up') return 'no answer from the server';
  if (read.outcome === 'refused')
    return read.code === 'NO_PLACE' ? join(line) : 'refused otherwise';
  take(line, read.body, askedMs);
  schedule(line);
  // The draw is not made yet: the document that said so came from another process.
  return read.body.number === null ? rest(line) : null;
};

const takePass = (line: Line): boolean => {
  const pass = line.place?.pass ?? null;
  if (pass === null) return false;
  const { visit, session } = line.buyer;
  session.pass = pass.token;
  visit.passToldMs ??= nowMs(line);
  beginSlot(visit, nowMs(line), localMs(line, pass.endsAt));
  return true;
};

/** Claims; a late person claims repeatedly, and checks meanwhile whether anything is left. */
const answerCall = async (line: Line): Promise<End | null> => {
  const { person, params, place, buyer } = line;
  const askedMs = nowMs(line);
  const claimed = await person.click(
    claimPass,
    { params, body: { place: place?.token } },
    { step: 'claim' },
  );
  if (claimed.outcome === 'gave-up') return 'no answer from the server';
  if (claimed.outcome === 'answer') {
    take(line, claimed.body, askedMs);
    if (claimed.status === 200) return null;
    buyer.visit.lateAskedMs ??= askedMs;
    buyer.visit.lateToldAtMs ??= line.crowd.clock.nowMs() + line.room.aheadMs;
    return restAtFloor(line);
  }
  switch (claimed.code) {
    case 'NOT_CALLED_YET':
      buyer.visit.notYetAskedMs = askedMs;
      return restAtFloor(line);
    case 'NO_PLACE':
      return join(line);
    case 'PLACE_TOKEN_REFUSED':
      line.place = null;
      return join(line);
    case 'PASS_ENDED':
      return 'the pass ended';
    default:
      return 'refused otherwise';
  }
};

const restAtFloor = async (line: Line): Promise<End | null> => {
  const { now, buyer, person } = line;
  const floorMs = (now?.poll.f ?? 1000) * (now?.poll.m ?? 1);
  await person.wait(floorMs * (0.85 + 0.3 * buyer.random.next()));
  return look(line);
};

/** Sleeps until the first planned action is due, and runs it. */
const rest = async (line: Line): Promise<End | null> => {
  const { whims, pollAtMs, beatAtMs } = line;
  const whim = whims[0] ?? { atMs: Infinity, act: look };
  const dueMs = Math.min(pollAtMs, beatAtMs, whim.atMs);
  await line.person.wait(Math.max(0, dueMs - nowMs(line)));
  if (line.crowd.signal.aborted) return 'stopped';
  if (dueMs === whim.atMs) {
    whims.shift();
    return whim.act(line);
  }
  return dueMs === beatAtMs ? beat(line) : look(line);
};

const beat = async (line: Line): Promise<End | null> => {
  const { person, params, place } = line;
  line.beatAtMs = Infinity;
  if (place === null) return join(line);
  const body = { place: place.token };
  const beaten = await person.click(sendHeartbeat, { params, body }, { step: 'heartbeat' });
  if (beaten.outcome === 'gave-up') return 'no answer from the server';
  if (beaten.outcome === 'refused') return join(line);
  line.beatAtMs = nowMs(line) + heartbeatMs;
  return null;
};

const drawWhims = (line: Line): void => {
  const { buyer, crowd } = line;
  const { inLine, besides, afterMs } = buyer.roomTemper;
  const atMs = nowMs(line) + afterMs * crowd.pace;
  const acts = {
    'hides the tab': hide,
    'closes the phone': async (): Promise<End> => 'closed the phone',
    'gives up': giveUp,
  };
  if (inLine === 'is late') plan(line, nowMs(line), watchForTurn);
  else if (inLine !== 'stays') plan(line, atMs, acts[inLine]);
  if (besides !== 'nothing') plan(line, (nowMs(line) + atMs) / 2, askElsewhere);
};

const plan = ({ whims }: Line, atMs: number, act: Line['whims'][number]['act']): void => {
  whims.push({ atMs, act });
  whims.sort((a, b) => a.atMs - b.atMs);
};

/** The tab goes to the background, where it sends neither polls nor heartbeats, and comes back. */
const hide = async (line: Line): Promise<End | null> => {
  const { buyer, crowd, person } = line;
  buyer.visit.hasStayed = false;
  await person.wait(buyer.roomTemper.hiddenMs * crowd.pace);
  return (await look(line)) ?? (await ask(line));
};

const giveUp = async (line: Line): Promise<End> => {
  await leave(line.crowd, line.buyer, line.person);
  return 'gave up waiting';
};

/** Watches until the turn is near, then is away for longer than a call waits. */
const watchForTurn = async (line: Line): Promise<End | null> => {
  const { buyer, room, person } = line;
  const etaMs = etaOf(line) ?? Infinity;
  if (etaMs > nearMs) {
    plan(line, Math.min(line.pollAtMs, line.beatAtMs) + 1, watchForTurn);
    return null;
  }
  buyer.visit.hasStayed = false;
  await person.wait(etaMs + room.claimWindowMs * (1.1 + buyer.random.next()));
  return (await look(line)) ?? (await ask(line));
};

/** The same account in another tab, or on another device that takes over: it is the same place. */
const askElsewhere = async (line: Line): Promise<End | null> => {
  const { buyer } = line;
  buyer.visit.askedAgain += 1;
  if (buyer.roomTemper.besides === 'a second device') {
    buyer.session = await buyer.elsewhere();
    // Nothing is stored there.
    const { place } = line;
    line.place = null;
    const end = await join(line);
    line.place ??= place;
    return end;
  }
  return join(line);
};

/** Gives the place or pass back. */
export const leave = async (crowd: Crowd, buyer: Buyer, person: Person): Promise<void> => {
  endSlot(buyer.visit, crowd.clock.monotonicMs());
  const params = { showId: crowd.sale.showId };
  await person.click(leaveRoom, { params }, { step: 'leave room' });
  buyer.session.pass = null;
};

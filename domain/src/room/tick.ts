import { countOnes, lowestOne, maskOf } from './bits.ts';
import type { RoomFacts } from './facts.ts';
import { burstOf, creditAfter, lateSlotsOf, peopleFor, personCredit } from './limits.ts';
import type { Presence } from './presence.ts';
import type { RoomControl, RoomTerms } from './types.ts';

/** Changes of the control by time alone: an override expires, a lobby opens, a room runs empty. */
const byTime = (facts: RoomFacts, nowMs: number): void => {
  const { it } = facts;
  const turn = (change: Partial<RoomControl>): void =>
    facts.change({ ...it.control, ...change, rev: it.control.rev + 1 }, false);
  const { override, overrideUntilMs, phase, lobbyAtMs } = it.control;
  if (override !== 'none' && overrideUntilMs !== 0 && overrideUntilMs <= nowMs)
    turn({ override: 'none', overrideUntilMs: 0 });
  if (phase === 'idle' && lobbyAtMs <= nowMs) turn({ phase: 'lobby' });
  // Not only when nobody waits: people who vanished count as waiting forever.
  const isRunDry = it.front >= it.tail && it.calls.called + it.calls.late + it.passes.count === 0;
  if (phase === 'draining' && isRunDry) turn({ phase: 'closed' });
};

/** How many may be called now; 0 while nobody may. */
const freeSlots = (facts: RoomFacts, credit: number, seatsLeft: number | null): number => {
  const { control, heldUntilMs, nowMs, passes, calls } = facts.it;
  const isReleasing = control.phase === 'open' || control.phase === 'draining';
  const isFree = control.override === 'none' && control.drawnAtMs > 0 && nowMs >= heldUntilMs;
  if (!isReleasing || !isFree || seatsLeft === null) return 0;
  const slots = Math.min(control.activeMax, seatsLeft) - passes.count - calls.called;
  return Math.max(0, Math.min(slots, peopleFor(credit)));
};

/** Late people who asked and are there, lowest number first; the others ask again on return. */
const nextLate = (
  facts: RoomFacts,
  presence: Presence,
  max: number,
  windowNumbers: number,
): number[] => {
  const numbers: number[] = [];
  if (max <= 0) return numbers;
  for (const number of facts.it.calls.firstLate(windowNumbers)) {
    if (numbers.length === max) break;
    if (presence.has(number)) numbers.push(number);
    else facts.beGone(number);
  }
  return numbers;
};

/** The next people who are present, and the front after they are called. */
const nextPresent = (
  facts: RoomFacts,
  presence: Presence,
  max: number,
  windowNumbers: number,
): { front: number; numbers: number[] } => {
  const { front, tail, admittedBits } = facts.it;
  const numbers: number[] = [];
  if (max <= 0) return { front, numbers };
  const [from, to] = [front + 1, Math.min(tail, front + windowNumbers)];
  for (let word = from >>> 5; word <= to >>> 5; word++) {
    let ones = presence.word(word) & ~admittedBits.word(word) & maskOf(word, from, to);
    for (let left = countOnes(ones); left > 0; left--) {
      const number = word * 32 + lowestOne(ones);
      numbers.push(number);
      if (numbers.length === max) return { front: number, numbers };
      ones &= ones - 1;
    }
  }
  // A run of absent people is skipped; they are late when they come back.
  return { front: Math.max(front, to), numbers };
};

/** The effects of time, at most once per `tickMs`. */
export const playTick = (
  facts: RoomFacts,
  presence: Presence,
  terms: RoomTerms,
  seatsLeft: number | null,
): void => {
  const { it } = facts;
  const { nowMs } = it;
  const isFirst = it.lastTickMs === 0;
  const sinceMs = isFirst ? 0 : nowMs - it.lastTickMs;
  if (!isFirst && sinceMs < terms.tickMs) return;
  // Presence was not tracked for that long: wait for heartbeats first.
  if (sinceMs >= terms.presenceMs)
    it.heldUntilMs = Math.max(it.heldUntilMs, nowMs + terms.presenceMs);
  byTime(facts, nowMs);
  facts.sweep(nowMs);
  presence.rotate(nowMs);
  // Both together: a record of the control contains them.
  const { ratePerMinute } = it.control;
  it.credit = isFirst
    ? burstOf(ratePerMinute, terms)
    : creditAfter({ credit: it.credit, ratePerMinute, elapsedMs: sinceMs }, terms);
  it.lastTickMs = nowMs;

  const slots = freeSlots(facts, it.credit, seatsLeft);
  const { lateShare } = it;
  const lateSlots = lateSlotsOf({ slots, lateShare, doOthersWait: it.front < it.tail }, terms);
  const recalled = nextLate(facts, presence, lateSlots, terms.windowNumbers);
  const next = nextPresent(facts, presence, slots - recalled.length, terms.windowNumbers);
  if (recalled.length === 0 && next.front === it.front) return;
  facts.release({
    atMs: nowMs,
    credit: it.credit - personCredit * (recalled.length + next.numbers.length),
    front: next.front,
    expiresAtMs: nowMs + terms.claimWindowMs,
    recalled,
    released: next.numbers,
  });
};

import type { RoomFacts } from './facts.ts';
import { highOf, lowOf, noEntry } from './people.ts';
import type { PassCommands } from './play-passes.ts';
import type { Presence } from './presence.ts';
import type {
  PersonKey,
  RoomAnswer,
  RoomCommand,
  RoomPass,
  RoomPhase,
  RoomStanding,
  RoomTerms,
} from './types.ts';

type Place = { person: PersonKey; entry: number; number: number };

const none: RoomAnswer = { outcome: 'none' };
const done: RoomAnswer = { outcome: 'done' };
const refusing: readonly RoomPhase[] = ['idle', 'draining', 'closed'];

const placed = (entry: number, isNew: boolean): RoomAnswer => ({ outcome: 'placed', entry, isNew });
const stands = (
  standing: RoomStanding,
  more: { claimByMs?: number; pass?: RoomPass } = {},
): RoomAnswer => ({
  outcome: 'stands',
  standing,
  claimByMs: more.claimByMs ?? 0,
  pass: more.pass ?? null,
});

/** What people do with their place: join, send heartbeats, claim their turn, leave. */
export const makePlaceCommands = (
  facts: RoomFacts,
  presence: Presence,
  { livePass, slidEnd }: PassCommands,
  terms: RoomTerms,
) => {
  const { it } = facts;
  const { people, passes, calls, admittedBits } = it;

  const isDrawn = (): boolean => it.control.drawnAtMs > 0;
  /** The entry of a person who has not left, or `noEntry`. */
  const findEntry = (low: number, high: number): number => {
    const entry = people.find(low, high);
    return entry === noEntry || people.isSpent(entry) ? noEntry : entry;
  };

  const learnPlace = (low: number, high: number, entry: number): RoomAnswer => {
    const { phase, drawEntries } = it.control;
    const isKnownNumber = isDrawn() && entry >= drawEntries;
    const isInLobby = phase === 'idle' || phase === 'lobby';
    facts.learn(low, high, entry, {
      waiting: !(isKnownNumber && admittedBits.has(entry + 1)) && passes.get(low, high) === null,
      listed: isInLobby || (phase === 'sealed' && entry < drawEntries),
    });
    return placed(entry, false);
  };
  const join = (command: Extract<RoomCommand, { kind: 'join' }>): RoomAnswer => {
    const [low, high] = [lowOf(command.person), highOf(command.person)];
    const { presented, replaces, mayEnter } = command;
    const { phase, override, epoch } = it.control;
    const entry = people.find(low, high);
    const isHeld = entry !== noEntry && !people.isSpent(entry);
    if (isHeld && entry !== replaces) return placed(entry, false);
    if (entry === noEntry && presented !== null && presented.epoch < epoch)
      return learnPlace(low, high, presented.entry);
    if (refusing.includes(phase) || override === 'reject' || !mayEnter)
      return { outcome: 'refused', phase, override };
    facts.enter(low, high);
    // People who join after the draw know their number and are present.
    if (isDrawn()) presence.set(it.tail);
    return placed(it.tail - 1, true);
  };

  /** A person's standing; reading it also counts as a heartbeat of a waiting person. */
  const appear = ({ person, entry, number }: Place): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    if (findEntry(low, high) !== entry) return none;
    if (!isDrawn() || number === 0) return stands('lobby');
    const pass = livePass(low, high);
    if (pass !== null) return stands('active', { pass });
    // A restored pass may have been beyond the front.
    if (admittedBits.has(number)) return stands('over');
    if (number > it.front) {
      presence.set(number);
      return stands('waiting');
    }
    const claimByMs = calls.expiryOf(number);
    return claimByMs > 0 ? stands('called', { claimByMs }) : stands('late');
  };
  const claim = (place: Place): RoomAnswer => {
    const answer = appear(place);
    if (answer.outcome !== 'stands') return answer;
    const { person, number } = place;
    if (answer.standing === 'called') {
      const endsByMs = it.nowMs + terms.passMaxMs;
      const pass = { number, endsAtMs: slidEnd(endsByMs), endsByMs, orderId: '' };
      facts.admit(lowOf(person), highOf(person), pass, true);
      return stands('active', { pass });
    }
    if (answer.standing === 'late') {
      presence.set(number);
      if (!calls.isLate(number)) facts.beLate(number);
    }
    return answer;
  };

  const leave = ({ person, entry, number }: Place): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    if (findEntry(low, high) !== entry) return none;
    facts.leave(low, high, number);
    presence.clear(number);
    return done;
  };

  return { join, appear, claim, leave };
};

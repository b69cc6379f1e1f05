import { makeRoomFacts, replay } from './facts.ts';
import { highOf, lowOf, noEntry } from './people.ts';
import { makePresence } from './presence.ts';
import { playTick } from './tick.ts';
import type {
  ControlChange,
  PersonKey,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomPass,
  RoomPhase,
  RoomStanding,
  RoomState,
  RoomTerms,
} from './types.ts';

/**
 * A room in memory, without clock and without I/O: `nowMs` is handed in, and what must survive is
 * taken out as records. Of instants that go back the largest one counts.
 */
export type RoomMachine = ReturnType<typeof makeRoomMachine>;

type CommandOf<Kind extends RoomCommand['kind']> = Extract<RoomCommand, { kind: Kind }>;
type Place = { person: PersonKey; entry: number; number: number };

const decisionsKept = 1000;
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
const live = (pass: RoomPass | null): RoomAnswer =>
  pass === null ? none : { outcome: 'live', pass };

export const makeRoomMachine = (control: RoomControl, terms: RoomTerms) => {
  const facts = makeRoomFacts(control);
  const presence = makePresence(terms.presenceMs);
  const { it } = facts;
  const { people, passes, calls, admittedBits } = it;
  facts.change(control, false);

  const isDrawn = (): boolean => it.control.drawnAtMs > 0;
  /** The entry of somebody who has not left, or `noEntry`. */
  const entryOf = (low: number, high: number): number => {
    const entry = people.find(low, high);
    return entry === noEntry || people.isSpent(entry) ? noEntry : entry;
  };
  const livePass = (low: number, high: number): RoomPass | null => {
    const pass = passes.get(low, high);
    return pass !== null && pass.endsAtMs > it.nowMs ? pass : null;
  };
  const slidEnd = (endsByMs: number): number => Math.min(it.nowMs + terms.passTtlMs, endsByMs);

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
  const join = (command: CommandOf<'join'>): RoomAnswer => {
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
    // Whoever comes in after the draw knows their number, and is there.
    if (isDrawn()) presence.set(it.tail);
    return placed(it.tail - 1, true);
  };

  /** Where the person stands; who waits is present by asking. */
  const appear = ({ person, entry, number }: Place): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    if (entryOf(low, high) !== entry) return none;
    if (!isDrawn() || number === 0) return stands('lobby');
    const pass = livePass(low, high);
    if (pass !== null) return stands('active', { pass });
    // A pass that was made again may have been beyond the front.
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
    if (answer.standing === 'late' && !calls.isLate(number)) facts.beLate(number);
    return answer;
  };

  const touch = ({ person, presented }: CommandOf<'touch'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    const pass = livePass(low, high);
    if (pass !== null) {
      const slid = slidEnd(pass.endsByMs);
      const endsAtMs = pass.orderId === '' ? slid : Math.max(pass.endsAtMs, slid);
      if (endsAtMs !== pass.endsAtMs) facts.slide(low, high, endsAtMs);
      return live(passes.get(low, high));
    }
    if (passes.get(low, high) !== null || presented === null) return none;
    const { epoch, passEpoch, activeMax } = it.control;
    const { number, endsByMs } = presented;
    const isOurs = passEpoch <= presented.epoch && presented.epoch < epoch;
    const isUsable = endsByMs > it.nowMs && !admittedBits.has(number);
    if (!isOurs || !isUsable || passes.count + calls.called >= activeMax) return none;
    const again = { number, endsAtMs: slidEnd(endsByMs), endsByMs, orderId: '' };
    facts.admit(low, high, again, false);
    return live(again);
  };
  const pin = ({ person, orderId, untilMs }: CommandOf<'pin'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    const pass = livePass(low, high);
    if (pass === null) return none;
    const endsAtMs = Math.max(pass.endsAtMs, Math.min(untilMs, it.nowMs + terms.passMaxMs));
    facts.pin(low, high, endsAtMs, orderId);
    return live(passes.get(low, high));
  };
  const unpin = ({ person, orderId }: CommandOf<'unpin'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    const pass = livePass(low, high);
    if (pass === null || pass.orderId !== orderId) return none;
    facts.pin(low, high, slidEnd(pass.endsByMs), '');
    return live(passes.get(low, high));
  };
  const complete = ({ person, orderId }: CommandOf<'complete'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    if (passes.get(low, high)?.orderId !== orderId) return none;
    facts.end(low, high);
    return done;
  };
  const leave = ({ person, entry, number }: Place): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    if (entryOf(low, high) !== entry) return none;
    facts.leave(low, high, number);
    presence.clear(number);
    return done;
  };
  const playOne = (command: RoomCommand): RoomAnswer => {
    switch (command.kind) {
      case 'join':
        return join(command);
      case 'appear':
        return appear(command);
      case 'claim':
        return claim(command);
      case 'touch':
        return touch(command);
      case 'pin':
        return pin(command);
      case 'unpin':
        return unpin(command);
      case 'complete':
        return complete(command);
      case 'leave':
        return leave(command);
    }
  };

  const at = (nowMs: number): void => {
    it.nowMs = Math.max(it.nowMs, nowMs);
  };
  const state = (nowMs = it.nowMs): RoomState => ({
    ...it.control,
    nowMs,
    tail: it.tail,
    front: it.front,
    waiting: it.waiting,
    called: calls.called,
    late: calls.late,
    active: passes.count,
    admitted: it.admitted,
    heldUntilMs: it.heldUntilMs,
    lastChangeId: it.lastChangeId,
  });

  return {
    play: (commands: readonly RoomCommand[], nowMs: number): RoomAnswer[] => {
      at(nowMs);
      return commands.map(playOne);
    },
    tick: (seatsLeft: number | null, nowMs: number): RoomState => {
      at(nowMs);
      playTick(facts, presence, terms, seatsLeft);
      return state();
    },
    change: (
      wanted: { changeId: string; ifRev: number; change: ControlChange },
      nowMs: number,
    ): { outcome: 'changed' | 'conflict'; state: RoomState } => {
      at(nowMs);
      if (wanted.changeId === it.lastChangeId) return { outcome: 'changed', state: state() };
      if (wanted.ifRev !== it.control.rev) return { outcome: 'conflict', state: state() };
      const { seals = false, revokesPasses = false, holdsForMs = 0, ...fields } = wanted.change;
      const { epoch, passEpoch, drawEntries, phase } = it.control;
      it.lastChangeId = wanted.changeId;
      if (holdsForMs > 0) it.heldUntilMs = Math.max(it.heldUntilMs, it.nowMs + holdsForMs);
      const next: RoomControl = {
        ...it.control,
        phase: seals ? 'sealed' : phase,
        ...fields,
        rev: it.control.rev + 1,
        drawEntries: seals ? it.tail : drawEntries,
        epoch: revokesPasses ? epoch + 1 : epoch,
        passEpoch: revokesPasses ? epoch + 1 : passEpoch,
      };
      facts.change(next, revokesPasses);
      return { outcome: 'changed', state: state() };
    },
    /** The room is known from now on. */
    begin: (nowMs: number): RoomState => {
      at(nowMs);
      return state();
    },
    /** Only this does not remember its `nowMs`. */
    state: (nowMs: number): RoomState => state(Math.max(it.nowMs, nowMs)),
    /** 8 bytes for each entry of the draw; zeros for one whose key was not known when it stood. */
    entries: (): Uint8Array => {
      const bytes = new Uint8Array(8 * it.control.drawEntries);
      const view = new DataView(bytes.buffer);
      for (let entry = 0; entry < it.control.drawEntries; entry++)
        if (!it.unlisted.has(entry)) people.copyKey(entry, view, 8 * entry);
      return bytes;
    },
    decisions: (): RoomDecision[] => it.decisions.slice(-decisionsKept),
    /** What must survive and was not taken yet; the first time, the room itself. */
    takeRecords: facts.takeRecords,
    get recordBytes() {
      return facts.recordBytes;
    },
    /** Of the arrays; passes and calls again, at most `activeMax`, come to it. */
    get bytes() {
      return people.bytes + presence.bytes + calls.bytes + admittedBits.bytes;
    },
    restore: (records: Uint8Array): void => replay(facts, records),
    /** Nobody has shown themselves to us yet: calls nobody until whoever is there has. */
    resume: (nowMs: number): void => {
      at(nowMs);
      it.heldUntilMs = Math.max(it.heldUntilMs, it.nowMs + terms.presenceMs);
      it.credit = 0;
      it.lastTickMs = it.nowMs;
      presence.begin(it.nowMs);
    },
  };
};

const unknown: RoomControl = {
  rev: 0,
  epoch: 0,
  passEpoch: 0,
  phase: 'idle',
  override: 'none',
  overrideUntilMs: 0,
  ratePerMinute: 0,
  activeMax: 0,
  lobbyAtMs: 0,
  opensAtMs: 0,
  message: null,
  pollMultiplier: 1,
  drawEntries: 0,
  seed: '',
  root: '',
  drawnAtMs: 0,
};

/** A room whose records are handed to `restore` in their order; the first is its control. */
export const makeRestoringMachine = (terms: RoomTerms): RoomMachine =>
  makeRoomMachine(unknown, terms);

import { makeRoomFacts, replay } from './facts.ts';
import { makePassCommands } from './play-passes.ts';
import { makePlaceCommands } from './play-places.ts';
import { makePresence } from './presence.ts';
import { playTick } from './tick.ts';
import type {
  ControlChange,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomState,
  RoomTerms,
} from './types.ts';

/**
 * A room in memory, without clock or I/O: the caller passes `nowMs` and takes out records of what
 * must survive. If time goes back, the latest instant so far counts.
 */
export type RoomMachine = ReturnType<typeof makeRoomMachine>;

const decisionsKept = 1000;

/** `tail`: how many have joined; a lobby that is sealed now draws among them. */
const changeControl = (control: RoomControl, change: ControlChange, tail: number): RoomControl => {
  const { seals = false, revokesPasses = false, holdsForMs: _, ...fields } = change;
  const { epoch, passEpoch, drawEntries, phase } = control;
  return {
    ...control,
    phase: seals ? 'sealed' : phase,
    ...fields,
    rev: control.rev + 1,
    drawEntries: seals ? tail : drawEntries,
    epoch: revokesPasses ? epoch + 1 : epoch,
    passEpoch: revokesPasses ? epoch + 1 : passEpoch,
  };
};

export const makeRoomMachine = (control: RoomControl, terms: RoomTerms) => {
  const facts = makeRoomFacts(control, terms);
  const presence = makePresence(terms.presenceMs);
  const { it } = facts;
  const { people, passes, calls, admittedBits } = it;
  const passCommands = makePassCommands(facts, terms);
  const { touch, pin, unpin, complete } = passCommands;
  const { join, appear, claim, leave } = makePlaceCommands(facts, presence, passCommands, terms);
  facts.change(control, false);

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
      const { revokesPasses = false, holdsForMs = 0 } = wanted.change;
      it.lastChangeId = wanted.changeId;
      if (holdsForMs > 0) it.heldUntilMs = Math.max(it.heldUntilMs, it.nowMs + holdsForMs);
      const next = changeControl(it.control, wanted.change, it.tail);
      facts.change(next, revokesPasses);
      return { outcome: 'changed', state: state() };
    },
    /** Creates the room. */
    begin: (nowMs: number): RoomState => {
      at(nowMs);
      return state();
    },
    /** The only function that does not remember its `nowMs`. */
    state: (nowMs: number): RoomState => state(Math.max(it.nowMs, nowMs)),
    /**
     * 8 bytes per entry of the draw; zeros if the key was not known when the record was completed.
     */
    entries: (): Uint8Array => {
      const bytes = new Uint8Array(8 * it.control.drawEntries);
      const view = new DataView(bytes.buffer);
      for (let entry = 0; entry < it.control.drawEntries; entry++)
        if (!it.unlisted.has(entry)) people.copyKey(entry, view, 8 * entry);
      return bytes;
    },
    decisions: (): RoomDecision[] => it.decisions.slice(-decisionsKept),
    /** Records that were not taken yet; the first time, the room itself. */
    takeRecords: facts.takeRecords,
    get recordBytes() {
      return facts.recordBytes;
    },
    /** Size of the arrays; passes and repeated calls, at most `activeMax`, come on top. */
    get bytes() {
      return people.bytes + presence.bytes + calls.bytes + admittedBits.bytes;
    },
    restore: (records: Uint8Array): void => replay(facts, records),
    /** Presence is unknown: calls nobody until the people present have sent heartbeats. */
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

/** A room restored from its records in order; the first one is its control. */
export const makeRestoringMachine = (terms: RoomTerms): RoomMachine =>
  makeRoomMachine(unknown, terms);

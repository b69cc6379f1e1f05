import type {
  ControlChange,
  PresentedPass,
  PresentedPlace,
  RoomAnswer,
  RoomCommand,
  RoomControl,
  RoomDecision,
  RoomPass,
  RoomState,
  RoomTerms,
} from '@usher/domain/room/types.ts';

/**
 * A slow and simple waiting room that can be compared with the rules: what both stores
 * must answer, written from the rules and not from the stores. Every instant is a parameter.
 */
export type RoomModel = ReturnType<typeof makeRoomModel>;

type Row = { entry: number; isSpent: boolean };
type Command<K extends RoomCommand['kind']> = Extract<RoomCommand, { kind: K }>;
/** The person whose place is meant; the number is 0 if none is known. */
type Asked = { person: Uint8Array; entry: number; number: number };

const unitsOfOne = 60_000;
const none: RoomAnswer = { outcome: 'none' };
const done: RoomAnswer = { outcome: 'done' };
const stands = (
  standing: 'lobby' | 'waiting' | 'late' | 'over',
): Extract<RoomAnswer, { outcome: 'stands' }> => ({
  outcome: 'stands',
  standing,
  claimByMs: 0,
  pass: null,
});

export const keyOf = (person: Uint8Array): string => Buffer.from(person).toString('hex');

export const makeRoomModel = (initial: RoomControl, terms: RoomTerms) => {
  const control: RoomControl = structuredClone(initial);
  const counts = {
    nowMs: 0,
    tail: 0,
    front: 0,
    waiting: 0,
    called: 0,
    late: 0,
    active: 0,
    admitted: 0,
    heldUntilMs: 0,
    lastChangeId: '',
  };
  const rows = new Map<string, Row>();
  const passes = new Map<string, RoomPass>();
  const entryKeys = new Map<number, string>();
  let presentNow = new Set<number>();
  let presentBefore = new Set<number>();
  const reserved = new Set<number>();
  const admitted = new Set<number>();
  let batches: { from: number; to: number; expiresAtMs: number }[] = [];
  const recalled = new Map<number, number>();
  const late = new Set<number>();
  const decisions: RoomDecision[] = [];
  let [lastTickMs, credit, rotatedAtMs] = [0, 0, 0];
  /** Late people pay for their turns with the turns of others. */
  const latePrice = terms.lateOneIn - 1;
  let lateShare = latePrice;

  /** The instant of a decision; it never goes back. */
  const decideAt = (clockMs: number): number => {
    counts.nowMs = Math.max(clockMs, counts.nowMs);
    return counts.nowMs;
  };
  const look = (clockMs: number): RoomState =>
    structuredClone({ ...control, ...counts, nowMs: Math.max(clockMs, counts.nowMs) });
  const isDrawn = (): boolean => control.drawnAtMs > 0;

  const rowOf = ({ person, entry }: Asked): Row | null => {
    const row = rows.get(keyOf(person));
    return row === undefined || row.isSpent || row.entry !== entry ? null : row;
  };
  const livePassOf = (person: Uint8Array): RoomPass | null => {
    const pass = passes.get(keyOf(person));
    return pass !== undefined && pass.endsAtMs > counts.nowMs ? pass : null;
  };
  const givePass = (person: Uint8Array, pass: RoomPass): RoomPass => {
    passes.set(keyOf(person), pass);
    admitted.add(pass.number);
    counts.active += 1;
    counts.admitted += 1;
    return pass;
  };
  const removePass = (person: Uint8Array): boolean => {
    if (!passes.delete(keyOf(person))) return false;
    counts.active -= 1;
    return true;
  };
  const uncall = (number: number): boolean => {
    if (!recalled.delete(number) && !reserved.delete(number)) return false;
    counts.called -= 1;
    return true;
  };
  const claimByOf = (number: number): number => {
    const batch = batches.find(({ from, to }) => from < number && number <= to);
    return recalled.get(number) ?? batch?.expiresAtMs ?? 0;
  };
  const leaveLine = (): void => {
    counts.waiting = Math.max(0, counts.waiting - 1);
  };

  const bringBack = (person: Uint8Array, { entry }: PresentedPlace): void => {
    rows.set(keyOf(person), { entry, isSpent: false });
    counts.tail = Math.max(counts.tail, entry + 1);
    const isKnown = isDrawn() && entry >= control.drawEntries;
    const wasAdmitted = (isKnown && admitted.has(entry + 1)) || passes.has(keyOf(person));
    if (!wasAdmitted) counts.waiting += 1;
    const isOfTheDraw = control.phase === 'sealed' && entry < control.drawEntries;
    if (control.phase === 'idle' || control.phase === 'lobby' || isOfTheDraw)
      entryKeys.set(entry, keyOf(person));
  };
  const join = ({ person, presented, replaces, mayEnter }: Command<'join'>): RoomAnswer => {
    const row = rows.get(keyOf(person));
    if (row !== undefined && !row.isSpent && row.entry !== replaces)
      return { outcome: 'placed', entry: row.entry, isNew: false };
    if (row === undefined && presented !== null && presented.epoch < control.epoch) {
      bringBack(person, presented);
      return { outcome: 'placed', entry: presented.entry, isNew: false };
    }
    const { phase, override } = control;
    const isShut = phase === 'idle' || phase === 'draining' || phase === 'closed';
    if (isShut || override === 'reject' || !mayEnter)
      return { outcome: 'refused', phase, override };
    removePass(person);
    const entry = counts.tail;
    counts.tail += 1;
    counts.waiting += 1;
    rows.set(keyOf(person), { entry, isSpent: false });
    if (phase === 'lobby') entryKeys.set(entry, keyOf(person));
    if (isDrawn()) presentNow.add(entry + 1);
    return { outcome: 'placed', entry, isNew: true };
  };

  /** The standing of somebody who is neither called nor late; null for these two. */
  const standingOf = (asked: Asked): RoomAnswer | null => {
    if (rowOf(asked) === null) return none;
    if (!isDrawn() || asked.number === 0) return stands('lobby');
    const pass = livePassOf(asked.person);
    if (pass !== null) return { outcome: 'stands', standing: 'active', claimByMs: 0, pass };
    if (admitted.has(asked.number)) return stands('over');
    if (asked.number <= counts.front) return null;
    presentNow.add(asked.number);
    return stands('waiting');
  };
  const appear = (asked: Asked): RoomAnswer => {
    const standing = standingOf(asked);
    if (standing !== null) return standing;
    const isCalled = recalled.has(asked.number) || reserved.has(asked.number);
    if (!isCalled) return stands('late');
    const claimByMs = claimByOf(asked.number);
    return { outcome: 'stands', standing: 'called', claimByMs, pass: null };
  };
  const claim = (asked: Asked): RoomAnswer => {
    const standing = standingOf(asked);
    if (standing !== null) return standing;
    if (!uncall(asked.number)) {
      late.add(asked.number);
      counts.late = late.size;
      presentNow.add(asked.number);
      return stands('late');
    }
    const endsByMs = counts.nowMs + terms.passMaxMs;
    const endsAtMs = Math.min(counts.nowMs + terms.passTtlMs, endsByMs);
    const { person, number } = asked;
    const pass = givePass(person, { number, endsAtMs, endsByMs, orderId: '' });
    leaveLine();
    return { outcome: 'stands', standing: 'active', claimByMs: 0, pass };
  };

  const changePass = (person: Uint8Array, pass: RoomPass): RoomAnswer => {
    passes.set(keyOf(person), pass);
    return { outcome: 'live', pass };
  };
  const bringPassBack = (person: Uint8Array, { number, epoch, endsByMs }: PresentedPass) => {
    const isOfAnEpochLost = control.passEpoch <= epoch && epoch < control.epoch;
    const hasRoom = counts.active + counts.called < control.activeMax;
    if (!isOfAnEpochLost || endsByMs <= counts.nowMs || admitted.has(number) || !hasRoom)
      return none;
    const endsAtMs = Math.min(counts.nowMs + terms.passTtlMs, endsByMs);
    const row = rows.get(keyOf(person));
    if (row !== undefined && !row.isSpent) leaveLine();
    counts.tail = Math.max(counts.tail, number);
    const pass = givePass(person, { number, endsAtMs, endsByMs, orderId: '' });
    return { outcome: 'live' as const, pass };
  };
  const touch = ({ person, presented }: Command<'touch'>): RoomAnswer => {
    const pass = livePassOf(person);
    if (pass !== null) {
      const slidTo = Math.min(counts.nowMs + terms.passTtlMs, pass.endsByMs);
      const endsAtMs = pass.orderId === '' ? slidTo : Math.max(pass.endsAtMs, slidTo);
      return changePass(person, { ...pass, endsAtMs });
    }
    if (passes.has(keyOf(person)) || presented === null) return none;
    return bringPassBack(person, presented);
  };
  const pin = ({ person, orderId, untilMs }: Command<'pin'>): RoomAnswer => {
    const pass = livePassOf(person);
    if (pass === null) return none;
    const pinnedTo = Math.min(untilMs, counts.nowMs + terms.passMaxMs);
    const endsAtMs = Math.max(pass.endsAtMs, pinnedTo);
    return changePass(person, { ...pass, orderId, endsAtMs });
  };
  const unpin = ({ person, orderId }: Command<'unpin'>): RoomAnswer => {
    const pass = livePassOf(person);
    if (pass === null || pass.orderId !== orderId) return none;
    const endsAtMs = Math.min(counts.nowMs + terms.passTtlMs, pass.endsByMs);
    return changePass(person, { ...pass, orderId: '', endsAtMs });
  };
  const complete = ({ person, orderId }: Command<'complete'>): RoomAnswer => {
    if (passes.get(keyOf(person))?.orderId !== orderId) return none;
    removePass(person);
    return done;
  };
  const leave = (asked: Asked): RoomAnswer => {
    const row = rowOf(asked);
    if (row === null) return none;
    row.isSpent = true;
    const { person, number } = asked;
    if (removePass(person)) return done;
    if (uncall(number)) leaveLine();
    else if (late.delete(number)) {
      counts.late = late.size;
      leaveLine();
    } else if (!admitted.has(number)) {
      leaveLine();
      presentNow.delete(number);
      presentBefore.delete(number);
    }
    return done;
  };

  const answer = (command: RoomCommand): RoomAnswer => {
    if (command.kind === 'join') return join(command);
    if (command.kind === 'appear') return appear(command);
    if (command.kind === 'claim') return claim(command);
    if (command.kind === 'touch') return touch(command);
    if (command.kind === 'pin') return pin(command);
    if (command.kind === 'unpin') return unpin(command);
    if (command.kind === 'complete') return complete(command);
    return leave(command);
  };

  const advancePhases = (): void => {
    const { nowMs, called, active, front, tail } = counts;
    const { override, overrideUntilMs } = control;
    if (override !== 'none' && overrideUntilMs !== 0 && overrideUntilMs <= nowMs) {
      control.override = 'none';
      control.overrideUntilMs = 0;
      control.rev += 1;
    }
    if (control.phase === 'idle' && control.lobbyAtMs <= nowMs) {
      control.phase = 'lobby';
      control.rev += 1;
    }
    const isAnyoneLeft = called > 0 || counts.late > 0 || active > 0 || front < tail;
    if (control.phase === 'draining' && !isAnyoneLeft) {
      control.phase = 'closed';
      control.rev += 1;
    }
  };
  const sweep = (): void => {
    const { nowMs } = counts;
    for (const [key, { endsAtMs }] of passes) if (endsAtMs <= nowMs) passes.delete(key);
    counts.active = passes.size;
    for (const { from, to, expiresAtMs } of batches) {
      if (expiresAtMs > nowMs) continue;
      for (const number of reserved) if (from < number && number <= to) reserved.delete(number);
    }
    batches = batches.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    for (const [number, expiresAtMs] of recalled) {
      if (expiresAtMs > nowMs) continue;
      recalled.delete(number);
      admitted.add(number);
      leaveLine();
    }
    counts.called = reserved.size + recalled.size;
  };
  const rotate = (): void => {
    const age = counts.nowMs - rotatedAtMs;
    if (age < terms.presenceMs) return;
    presentBefore = age >= 2 * terms.presenceMs ? new Set() : presentNow;
    presentNow = new Set();
    rotatedAtMs = counts.nowMs;
  };
  const releasable = (seatsLeft: number | null): number => {
    const isOpen = control.phase === 'open' || control.phase === 'draining';
    const isHeld = counts.nowMs < counts.heldUntilMs;
    if (!isOpen || control.override !== 'none' || !isDrawn() || isHeld || seatsLeft === null)
      return 0;
    const slots = Math.min(control.activeMax, seatsLeft) - counts.active - counts.called;
    return Math.max(0, Math.min(slots, Math.floor(credit / unitsOfOne)));
  };
  const recallLate = (max: number, expiresAtMs: number): number[] => {
    const numbers: number[] = [];
    const asked = [...late].sort((a, b) => a - b).slice(0, terms.windowNumbers);
    for (const number of asked) {
      if (numbers.length >= max) break;
      late.delete(number);
      if (!presentNow.has(number) && !presentBefore.has(number)) continue;
      numbers.push(number);
      recalled.set(number, expiresAtMs);
    }
    counts.late = late.size;
    return numbers;
  };
  const releaseFront = (max: number, expiresAtMs: number): number[] => {
    if (max === 0) return [];
    const end = Math.min(counts.tail, counts.front + terms.windowNumbers);
    const numbers: number[] = [];
    let at = counts.front;
    while (at < end && numbers.length < max) {
      at += 1;
      const isPresent = presentNow.has(at) || presentBefore.has(at);
      if (isPresent && !admitted.has(at)) numbers.push(at);
    }
    for (const number of numbers) reserved.add(number);
    if (numbers.length > 0) batches.push({ from: counts.front, to: at, expiresAtMs });
    counts.front = Math.max(counts.front, at);
    return numbers;
  };
  const tick = (clockMs: number, seatsLeft: number | null): RoomState => {
    const nowMs = decideAt(clockMs);
    const isFirst = lastTickMs === 0;
    if (!isFirst && nowMs - lastTickMs < terms.tickMs) return look(clockMs);
    const dtMs = isFirst ? 0 : nowMs - lastTickMs;
    if (isFirst) rotatedAtMs = nowMs;
    // Presence was not recorded for so long: wait for heartbeats first.
    if (dtMs >= terms.presenceMs)
      counts.heldUntilMs = Math.max(counts.heldUntilMs, nowMs + terms.presenceMs);
    lastTickMs = nowMs;
    advancePhases();
    sweep();
    rotate();
    const burst = unitsOfOne + control.ratePerMinute * 2 * terms.tickMs;
    credit = isFirst ? burst : Math.min(burst, credit + control.ratePerMinute * dtMs);
    const max = releasable(seatsLeft);
    const expiresAtMs = nowMs + terms.claimWindowMs;
    const doOthersWait = counts.front < counts.tail;
    const lateMax = doOthersWait ? Math.min(max, Math.floor(lateShare / latePrice)) : max;
    const again = recallLate(lateMax, expiresAtMs);
    const released = releaseFront(max - again.length, expiresAtMs);
    if (again.length + released.length > 0) {
      if (doOthersWait) lateShare = Math.max(0, lateShare - latePrice * again.length);
      const most = latePrice * Math.max(1, Math.floor(control.activeMax / terms.lateOneIn));
      lateShare = Math.min(most, lateShare + released.length);
    }
    credit -= unitsOfOne * (again.length + released.length);
    counts.called = reserved.size + recalled.size;
    if (again.length + released.length > 0) {
      const { front, called, active } = counts;
      decisions.push({ atMs: nowMs, front, called, active, recalled: again, released });
    }
    return look(clockMs);
  };

  const change = (
    clockMs: number,
    wanted: { changeId: string; ifRev: number; change: ControlChange },
  ): { outcome: 'changed' | 'conflict'; state: RoomState } => {
    const nowMs = decideAt(clockMs);
    const isRepeat = wanted.changeId === counts.lastChangeId;
    if (isRepeat || wanted.ifRev !== control.rev)
      return { outcome: isRepeat ? 'changed' : 'conflict', state: look(clockMs) };
    const { seals, revokesPasses, holdsForMs = 0, ...fields } = wanted.change;
    if (seals) {
      control.phase = 'sealed';
      control.drawEntries = counts.tail;
    }
    Object.assign(control, structuredClone(fields), { rev: control.rev + 1 });
    if (revokesPasses) {
      passes.clear();
      counts.active = 0;
      control.epoch += 1;
      control.passEpoch = control.epoch;
    }
    if (holdsForMs > 0) counts.heldUntilMs = Math.max(counts.heldUntilMs, nowMs + holdsForMs);
    counts.lastChangeId = wanted.changeId;
    return { outcome: 'changed', state: look(clockMs) };
  };

  return {
    look,
    tick,
    change,
    /** Records that this time was reached. */
    meet: decideAt,
    /** The process was killed, and another one has read its journal. */
    resume: (clockMs: number): void => {
      decideAt(clockMs);
      presentNow = new Set();
      presentBefore = new Set();
      counts.heldUntilMs = Math.max(counts.heldUntilMs, counts.nowMs + terms.presenceMs);
      credit = 0;
      lastTickMs = counts.nowMs;
      rotatedAtMs = counts.nowMs;
    },
    /** The server may have lost something; the store chooses how far the numbers jump. */
    recover: (clockMs: number, to: { tail: number; front: number }): void => {
      decideAt(clockMs);
      control.rev += 1;
      control.epoch += 1;
      counts.tail = to.tail;
      counts.front = to.front;
      counts.heldUntilMs = Math.max(counts.heldUntilMs, counts.nowMs + terms.claimWindowMs);
      credit = 0;
      if (lastTickMs === 0) lastTickMs = counts.nowMs;
      if (rotatedAtMs === 0) rotatedAtMs = counts.nowMs;
    },
    play: (clockMs: number, commands: readonly RoomCommand[]): RoomAnswer[] => {
      decideAt(clockMs);
      return commands.map((command) => structuredClone(answer(command)));
    },
    entries: (): Uint8Array => {
      const { drawEntries } = control;
      const none = '00'.repeat(8);
      const keys = Array.from({ length: drawEntries }, (_, entry) => entryKeys.get(entry) ?? none);
      return Uint8Array.from(Buffer.from(keys.join(''), 'hex'));
    },
    decisions: (): RoomDecision[] => structuredClone(decisions),
  };
};

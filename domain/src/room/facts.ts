import { makeBits } from './bits.ts';
import { makeCalls } from './calls.ts';
import { firstLateShare, lateShareAfter } from './limits.ts';
import { makePasses } from './passes.ts';
import { makePeople, noEntry } from './people.ts';
import { makeRecordReader, makeRecordWriter, type RecordReader } from './records.ts';
import type { RoomControl, RoomDecision, RoomPass, RoomTerms } from './types.ts';

/**
 * The state of a room that must survive, and the only functions that change it. Each writes a
 * record from which the change can be replayed. Records contain the outcome, not the command,
 * because who was called depends on presence, which is not stored.
 */
export type RoomFacts = ReturnType<typeof makeRoomFacts>;

/** The first byte of a record. Numbers are never reused: journals outlive program versions. */
const kinds = {
  now: 0,
  entered: 1,
  learnt: 2,
  admitted: 3,
  slid: 4,
  pinned: 5,
  ended: 6,
  late: 7,
  left: 8,
  swept: 9,
  released: 10,
  changed: 11,
  gone: 12,
} as const;

/** What the record of a control change contains besides the control. */
type ControlFact = {
  control: RoomControl;
  changeId: string;
  heldUntilMs: number;
  revokes: boolean;
  lastTickMs: number;
  credit: number;
};

/** The effect of a tick on the people in line, at `atMs`. */
type Release = {
  atMs: number;
  credit: number;
  /** The new front. */
  front: number;
  expiresAtMs: number;
  /** Ascending. */
  recalled: readonly number[];
  released: readonly number[];
};

const decisionsMax = 1000;

const makeParts = (control: RoomControl, terms: Pick<RoomTerms, 'lateOneIn'>) => ({
  control,
  people: makePeople(),
  passes: makePasses(),
  calls: makeCalls(),
  /** Numbers that had a pass or missed a second call: they are never called again. */
  admittedBits: makeBits(),
  /** Entries of the draw whose people became known after its record was complete. */
  unlisted: new Set<number>(),
  decisions: [] as RoomDecision[],
  tail: 0,
  front: 0,
  waiting: 0,
  admitted: 0,
  heldUntilMs: 0,
  lastChangeId: '',
  /** 0: no tick yet. */
  lastTickMs: 0,
  /** 60,000 are one person: the rate is in people a minute, the time in ms. */
  credit: 0,
  /** How many new people were called for late ones; see limits.ts. */
  lateShare: firstLateShare(terms),
  /** The latest instant used so far: time never goes back. */
  nowMs: 0,
});

export const makeRoomFacts = (first: RoomControl, terms: Pick<RoomTerms, 'lateOneIn'>) => {
  const it = makeParts(first, terms);
  const records = makeRecordWriter();
  const { people, passes, calls, admittedBits } = it;

  const begin = (kind: number, low: number, high: number): void => {
    records.int(kind);
    records.word(low);
    records.word(high);
  };
  const waitsNoMore = (): void => {
    it.waiting = Math.max(0, it.waiting - 1);
  };

  /** Gives the next entry; an expired pass that was still stored is deleted with the old entry. */
  const enter = (low: number, high: number): void => {
    begin(kinds.entered, low, high);
    passes.remove(low, high);
    people.put(low, high, it.tail);
    it.tail++;
    it.waiting++;
  };
  /** Restores a lost place. `isListed`: its key is part of the record of the draw. */
  const learn = (
    low: number,
    high: number,
    entry: number,
    is: { waiting: boolean; listed: boolean },
  ): void => {
    begin(kinds.learnt, low, high);
    records.int(entry);
    records.int((is.waiting ? 1 : 0) + (is.listed ? 2 : 0));
    people.put(low, high, entry);
    it.tail = Math.max(it.tail, entry + 1);
    if (is.waiting) it.waiting++;
    if (!is.listed) it.unlisted.add(entry);
  };
  /** Gives a pass; `wasCalled`: it replaces the call; otherwise a lost pass is restored. */
  const admit = (low: number, high: number, pass: RoomPass, wasCalled: boolean): void => {
    begin(kinds.admitted, low, high);
    records.int(pass.number);
    records.int(pass.endsAtMs);
    records.int(pass.endsByMs);
    records.int(wasCalled ? 1 : 0);
    if (wasCalled) calls.take(pass.number);
    passes.put(low, high, pass);
    const isOver = admittedBits.has(pass.number);
    admittedBits.set(pass.number);
    it.admitted++;
    // No new person gets the number of a pass, even if its place is not known yet.
    it.tail = Math.max(it.tail, pass.number);
    const entry = people.find(low, high);
    // In old journals, passes were given after a second missed call.
    if (entry !== noEntry && !people.isSpent(entry) && !isOver) waitsNoMore();
  };
  /** Extends a pass that was used. */
  const slide = (low: number, high: number, endsAtMs: number): void => {
    begin(kinds.slid, low, high);
    records.int(endsAtMs);
    passes.change(low, high, endsAtMs, passes.get(low, high)?.orderId ?? '');
  };
  const pin = (low: number, high: number, endsAtMs: number, orderId: string): void => {
    begin(kinds.pinned, low, high);
    records.int(endsAtMs);
    records.text(orderId);
    passes.change(low, high, endsAtMs, orderId);
  };
  const end = (low: number, high: number): void => {
    begin(kinds.ended, low, high);
    passes.remove(low, high);
  };
  const beLate = (number: number): void => {
    records.int(kinds.late);
    records.int(number);
    calls.addLate(number);
  };
  /** A late person who asked is not there any more; they are late again when they come back. */
  const beGone = (number: number): void => {
    records.int(kinds.gone);
    records.int(number);
    calls.removeLate(number);
  };
  /** Removes a person with everything they have. */
  const leave = (low: number, high: number, number: number): void => {
    begin(kinds.left, low, high);
    records.int(number);
    people.spend(people.find(low, high));
    if (passes.remove(low, high)) return;
    if (calls.take(number) || calls.removeLate(number) || !admittedBits.has(number)) waitsNoMore();
  };
  /** Ends expired passes and calls; a late person who misses the second call has no place left. */
  const sweep = (atMs: number): void => {
    const passesEnded = passes.sweep(atMs);
    const { ended, lapsed } = calls.sweep(atMs);
    if (passesEnded + ended === 0) return;
    records.int(kinds.swept);
    records.int(atMs);
    for (const number of lapsed) {
      admittedBits.set(number);
      waitsNoMore();
    }
  };
  const release = (done: Release): void => {
    records.int(kinds.released);
    for (const value of [done.atMs, done.credit, done.front, done.expiresAtMs]) records.int(value);
    records.ascending(done.recalled);
    records.ascending(done.released);
    const { recalled, released, front, expiresAtMs } = done;
    for (const number of recalled) calls.recall(number, expiresAtMs);
    if (released.length > 0) calls.release(it.front + 1, front, released, expiresAtMs);
    const doOthersWait = it.front < it.tail;
    it.front = front;
    it.credit = done.credit;
    it.lastTickMs = done.atMs;
    if (recalled.length + released.length === 0) return;
    const called = { recalled: recalled.length, released: released.length };
    const { lateShare } = it;
    const { activeMax } = it.control;
    it.lateShare = lateShareAfter({ lateShare, doOthersWait, activeMax, ...called }, terms);
    if (it.decisions.length >= 2 * decisionsMax) it.decisions.splice(0, decisionsMax);
    it.decisions.push({
      atMs: done.atMs,
      front,
      called: calls.called,
      active: passes.count,
      recalled,
      released,
    });
  };
  const change = (control: RoomControl, revokes: boolean): void => {
    const { lastChangeId: changeId, heldUntilMs, lastTickMs, credit } = it;
    const fact: ControlFact = { control, changeId, heldUntilMs, revokes, lastTickMs, credit };
    records.int(kinds.changed);
    records.text(JSON.stringify(fact));
    it.control = control;
    if (revokes) passes.clear();
  };

  /** The records since the last call, preceded by the time. */
  const takeRecords = (): Uint8Array => {
    const head = makeRecordWriter();
    head.int(kinds.now);
    head.int(it.nowMs);
    head.bytes(records.take());
    return head.take();
  };

  return {
    it,
    enter,
    learn,
    admit,
    slide,
    pin,
    end,
    beLate,
    beGone,
    leave,
    sweep,
    release,
    change,
    takeRecords,
    get recordBytes() {
      return records.size;
    },
  };
};

/** Replays the changes in the records, without writing new records. */
export const replay = (facts: RoomFacts, bytes: Uint8Array): void => {
  const reader = makeRecordReader(bytes);
  while (!reader.isAtEnd) {
    const kind = reader.int();
    const again = replays[kind];
    if (again === undefined) throw new Error(`assertion failed: unknown kind of record ${kind}`);
    again(facts, reader);
  }
  facts.takeRecords();
};

const replays: Record<number, (facts: RoomFacts, reader: RecordReader) => void> = {
  [kinds.now]: ({ it }, { int }) => {
    it.nowMs = Math.max(it.nowMs, int());
  },
  [kinds.entered]: ({ enter }, { word }) => enter(word(), word()),
  [kinds.learnt]: ({ learn }, { word, int }) => {
    const [low, high, entry, flags] = [word(), word(), int(), int()];
    learn(low, high, entry, { waiting: (flags & 1) !== 0, listed: (flags & 2) !== 0 });
  },
  [kinds.admitted]: ({ admit }, { word, int }) => {
    const [low, high] = [word(), word()];
    const pass = { number: int(), endsAtMs: int(), endsByMs: int(), orderId: '' };
    admit(low, high, pass, int() === 1);
  },
  [kinds.slid]: ({ slide }, { word, int }) => slide(word(), word(), int()),
  [kinds.pinned]: ({ pin }, { word, int, text }) => pin(word(), word(), int(), text()),
  [kinds.ended]: ({ end }, { word }) => end(word(), word()),
  [kinds.late]: ({ beLate }, { int }) => beLate(int()),
  [kinds.gone]: ({ beGone }, { int }) => beGone(int()),
  [kinds.left]: ({ leave }, { word, int }) => leave(word(), word(), int()),
  [kinds.swept]: ({ sweep }, { int }) => sweep(int()),
  [kinds.released]: ({ release }, { int, ascending }) => {
    const [atMs, credit, front, expiresAtMs] = [int(), int(), int(), int()];
    const [recalled, released] = [ascending(), ascending()];
    release({ atMs, credit, front, expiresAtMs, recalled, released });
  },
  [kinds.changed]: ({ it, change }, { text }) => {
    const fact = JSON.parse(text()) as ControlFact;
    it.lastChangeId = fact.changeId;
    it.heldUntilMs = fact.heldUntilMs;
    it.lastTickMs = fact.lastTickMs;
    it.credit = fact.credit;
    change(fact.control, fact.revokes);
  },
};

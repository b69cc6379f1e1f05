import { foldSpace } from './edits.ts';
import type { Mutant } from './mutants.ts';

/**
 * A mutant that no test can notice, because the program with it keeps every promise. It is known by
 * its file and its condition before and after, as `npm run mutate -- --list --json` prints them: so
 * an entry survives a change of lines, but not a change of the condition.
 */
export type Equivalent = {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Which of the places with this condition, from 1; all of them if it is left out. */
  readonly nth?: number;
  readonly reason: string;
};

export const equivalents: readonly Equivalent[] = [
  {
    file: 'domain/src/best-available.ts',
    from: 'seatNo < layout.seatCount',
    to: 'seatNo <= layout.seatCount',
    reason: 'the place after the last seat has no grade, and nothing reads a sum behind it',
  },
  {
    file: 'domain/src/best-available.ts',
    from: 'seatNo > 0',
    to: 'seatNo >= 0',
    reason: 'there is no run before the first seat',
  },
  {
    file: 'domain/src/best-available.ts',
    from: 'member.length < 1 + fallbackMax',
    to: 'member.length <= 1 + fallbackMax',
    nth: 1,
    reason: 'a member that has all its windows is given none',
  },
  {
    file: 'domain/src/best-available.ts',
    from: 'short.length === 0',
    to: 'false',
    reason: 'saves time only: nobody is short, so nobody is given a window',
  },
  {
    file: 'domain/src/best-available.ts',
    from: 'contended.length < group.members.length + fallbackMax',
    to: 'contended.length <= group.members.length + fallbackMax',
    reason: 'one more window to share: which of them a member gets is not promised',
  },
  {
    file: 'domain/src/draw.ts',
    from: 'entry < n',
    to: 'entry <= n',
    reason: 'a typed array ignores what is written behind its end',
  },
  {
    file: 'domain/src/draw.ts',
    from: 'i > 0',
    to: 'i >= 0',
    reason: 'the first is swapped with itself, by the last word that is drawn',
  },
  {
    file: 'domain/src/draw.ts',
    from: 'value < 2 ** 32 - bound',
    to: 'value <= 2 ** 32 - bound',
    reason: 'saves a division only: the other condition holds, too',
  },
  {
    file: 'domain/src/layout-csv.ts',
    from: "grade === ''",
    to: 'false',
    reason: 'the index of a grade that is not listed is notSuggested',
  },
  {
    file: 'domain/src/layout-csv.ts',
    from: '!first || !last',
    to: 'false',
    reason: 'a chain has a seat',
  },
  {
    file: 'domain/src/layout-csv.ts',
    from: '!first || !last',
    to: '!first && !last',
    reason: 'a chain has a first seat if it has a last one',
  },
  {
    file: 'domain/src/layout-csv.ts',
    from: 'head && tail',
    to: 'head || tail',
    reason: 'a line has a first point if it has a last one',
  },
  {
    file: 'domain/src/layout-outline.ts',
    from: '!first || !last',
    to: '!first && !last',
    reason: 'what has a first element has a last one',
  },
  {
    file: 'domain/src/layout-path.ts',
    from: '!first || !last',
    to: '!first && !last',
    reason: 'what has a first point has a last one',
  },
  {
    file: 'domain/src/layout-path.ts',
    from: 'points.length < 3 || !a || !b || !c',
    to: 'false',
    reason: 'a straight path fits two points, so there are at least three',
  },
  {
    file: 'domain/src/layout-straight.ts',
    from: 'step > 0',
    to: 'step >= 0',
    reason: 'two seats of one number are refused before',
  },
  {
    file: 'domain/src/layout-faults.ts',
    from: 'count > 2',
    to: 'count >= 2',
    reason: 'a path of four numbers through two seats is straight, which is allowed',
  },
  {
    file: 'domain/src/layout-faults.ts',
    from: 'cell < 9',
    to: 'cell <= 9',
    reason: 'a cell that is searched in vain: distances are compared',
  },
  {
    file: 'domain/src/layout.ts',
    from: 'i < spans.length',
    to: 'i <= spans.length',
    reason: 'a span that is not there covers no seat',
  },
  {
    file: 'domain/src/layout.ts',
    from: 'suggested === notSuggested',
    to: 'false',
    reason: '-1 in a Uint8Array is noGrade',
  },
  {
    file: 'domain/src/layout.ts',
    from: 'i < run[4]',
    to: 'i <= run[4]',
    reason:
      'the next run places its own first seat, and a typed array ignores what is behind its end',
  },
  {
    file: 'domain/src/layout.ts',
    from: 'runIndex === undefined',
    to: 'false',
    reason: 'no run has the index undefined',
  },
  {
    file: 'domain/src/layout.ts',
    from: 'runIndex === undefined || !run',
    to: 'runIndex === undefined && !run',
    reason: 'a seat without an index has no run',
  },
  {
    file: 'domain/src/layout.ts',
    from: 'runIndex === undefined || !run || !section',
    to: 'runIndex === undefined || !run && !section',
    reason: 'a run of a valid plan has a section',
  },
  {
    file: 'domain/src/merkle.ts',
    from: 'entry >= entries',
    to: 'entry > entries',
    reason: 'the hash of a leaf has its entry in it, so the proof fails',
  },
  {
    file: 'domain/src/merkle.ts',
    from: 'key.length !== keyBytes || proof.some(({ length }) => length !== digestBytes)',
    to: 'false',
    reason: 'another length has another hash, so the proof fails',
  },
  {
    file: 'domain/src/merkle.ts',
    from: 'key.length !== keyBytes || proof.some(({ length }) => length !== digestBytes)',
    to: 'key.length !== keyBytes && proof.some(({ length }) => length !== digestBytes)',
    reason: 'another length has another hash, so the proof fails',
  },
  {
    file: 'domain/src/painting.ts',
    from: 'found >= 0',
    to: 'true',
    reason: 'a painting with an unknown grade is refused',
  },
  {
    file: 'domain/src/painting.ts',
    from: 'i < seats.length',
    to: 'i <= seats.length',
    reason: 'a span that is not there covers no seat',
  },
  {
    file: 'domain/src/painting.ts',
    from: 'found < 0',
    to: 'false',
    reason: '-1 in a Uint8Array is noGrade',
  },
  {
    file: 'domain/src/painting.ts',
    from: 'sectionIndex === undefined',
    to: 'false',
    reason: 'there are no rows of the section undefined',
  },
  {
    file: 'domain/src/painting.ts',
    from: 'tuple === undefined',
    to: 'false',
    reason: 'the runs of a row exist',
  },
  {
    file: 'domain/src/painting.ts',
    from: 'suggestion !== undefined',
    to: 'true',
    reason: 'undefined has no name in the text',
  },
  {
    file: 'domain/src/ranking-period.ts',
    from: 'startOfDay(nextFirstDay(first, period), timeZone) <= nowMs',
    to: 'startOfDay(nextFirstDay(first, period), timeZone) < nowMs',
    reason: 'at the instant at which a day begins, the clock shows its date',
  },
  {
    file: 'domain/src/ranking-period.ts',
    from: '!formatter',
    to: 'true',
    reason: 'saves time only',
  },
  {
    file: 'domain/src/room/bits.ts',
    from: 'wordCount <= words.length',
    to: 'wordCount < words.length',
    reason: 'the storage grows one step earlier',
  },
  {
    file: 'domain/src/room/bits.ts',
    from: 'word < words.length',
    to: 'true',
    reason: 'there are no bits behind the storage',
  },
  {
    file: 'domain/src/room/bits.ts',
    from: 'word < words.length',
    to: 'word <= words.length',
    reason: 'there are no bits behind the storage',
  },
  {
    file: 'domain/src/room/bits.ts',
    from: 'from > word * 32',
    to: 'from >= word * 32',
    reason: 'a mask from the lowest bit is the whole word',
  },
  {
    file: 'domain/src/room/bits.ts',
    from: 'to < word * 32 + 31',
    to: 'to <= word * 32 + 31',
    reason: 'a mask up to the highest bit is the whole word',
  },
  {
    file: 'domain/src/room/eta.ts',
    from: 'mean <= 0',
    to: 'false',
    reason: 'nothing moved: the spread of no movement is at least 1 and multiplies nothing',
  },
  {
    file: 'domain/src/room/eta.ts',
    from: 'mean <= 0',
    to: 'mean < 0',
    reason: 'nothing moved: the spread of no movement is at least 1 and multiplies nothing',
  },
  {
    file: 'server/src/services/orders/sql/lock-orders.sql',
    from: 'o.id = ANY (order_ids)',
    to: 'o.id <> ALL (order_ids)',
    reason: 'whatever changes an order has locked its hold before: nobody else can change it',
  },
  {
    file: 'server/src/services/orders/sql/lock-orders.sql',
    from: 'FOR UPDATE',
    to: '',
    reason: 'whatever changes an order has locked its hold before: nobody else can change it',
  },
  {
    file: 'server/src/services/orders/sql/place.sql',
    from: 'deadlines[a.place] IS NULL',
    to: '',
    reason: 'saves a look: the answer to a placed order reads nothing of what is joined',
  },
  {
    file: 'server/src/services/orders/sql/place.sql',
    from: 'deadlines[a.place] IS NULL',
    to: 'TRUE',
    reason: 'saves a look: the answer to a placed order reads nothing of what is joined',
  },
  {
    file: 'server/src/services/seats/sql/begin-paying.sql',
    from: 'h.id = ANY (ARRAY[b.hold_id])',
    to: '',
    reason: 'an order has one hold: its id only leads to the row by its key',
  },
  {
    file: 'server/src/services/seats/sql/end-holds.sql',
    from: 'ending.order_id IS NOT NULL',
    to: 'TRUE',
    reason: 'saves a call: no order has the id NULL',
  },
  {
    file: 'server/src/services/seats/sql/end-holds.sql',
    from: 'cardinality(order_ids) > 0',
    to: 'TRUE',
    reason: 'saves a call: of no orders none is ended',
  },
  {
    file: 'server/src/services/seats/sql/end-holds.sql',
    from: 'cardinality(order_ids) > 0',
    to: 'cardinality(order_ids) >= 0',
    reason: 'saves a call: of no orders none is ended',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: 'h.due > from_at',
    to: 'h.due >= from_at',
    reason: 'every ACTIVE hold is due after that instant',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: 'h.due > from_at',
    to: '',
    nth: 2,
    reason: 'every ACTIVE hold is due after that instant',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: 'h.due <= now_at',
    to: '',
    reason: 'saves a look: a hold that is not due is not past its deadline, and comes last',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: "h.state = 'ACTIVE'",
    to: '',
    nth: 3,
    reason: 'nobody asks when an ended hold is due; a paid one is due again when it is given back',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: "h.state = 'ACTIVE'",
    to: '',
    nth: 4,
    reason: 'the next round begins before the holds that have just ended, and finds none of them',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: 'due.count = limit_holds',
    to: 'TRUE',
    reason: 'the next round begins before the last hold that was looked at, which has ended',
  },
  {
    file: 'server/src/services/seats/sql/lapse.sql',
    from: 'h.id = ANY (due.ids)',
    to: '',
    reason: 'any other ACTIVE hold is due later',
  },
  {
    file: 'server/src/services/seats/sql/release.sql',
    from: 'asked.id = ANY (released)',
    to: 'FALSE',
    reason: 'ended once more, a hold frees no seat and its order is in that state',
  },
  {
    file: 'server/src/services/seats/sql/release-for-order.sql',
    from: "h.state = 'ACTIVE'",
    to: '',
    reason: 'the hold of an order that waits for its payment is ACTIVE',
  },
  {
    file: 'server/src/services/seats/sql/take.sql',
    from: "h.state = 'ACTIVE'",
    to: '',
    nth: 1,
    reason: 'saves locks: which of them have lapsed is judged again once they are locked',
  },
  {
    file: 'server/src/services/seats/sql/take.sql',
    from: 'h.deadline <= now_at',
    to: '',
    nth: 1,
    reason: 'saves locks: which of them have lapsed is judged again once they are locked',
  },
  {
    file: 'server/src/services/seats/sql/take.sql',
    from: "h.state = 'ACTIVE' AND h.deadline <= now_at",
    to: 'TRUE',
    reason: 'saves locks: which of them have lapsed is judged again once they are locked',
  },
  {
    file: 'server/src/services/seats/sql/take.sql',
    from: 'c.stock_no = s.no',
    to: '',
    reason: 'saves a look: each performance is decided by its own claims',
  },
  {
    file: 'server/src/services/seats/sql/take.sql',
    from: 'c.seat_no = look.seat_no',
    to: '',
    reason: 'saves a look: a seat that nobody asks for is in the way of nobody',
  },
];

const isOf = (entry: Equivalent, mutant: Mutant): boolean =>
  entry.file === mutant.file &&
  foldSpace(entry.from) === mutant.from &&
  foldSpace(entry.to) === mutant.to &&
  (entry.nth === undefined || entry.nth === mutant.nth);

export const findEquivalent = (entries: readonly Equivalent[], mutant: Mutant): Equivalent | null =>
  entries.find((entry) => isOf(entry, mutant)) ?? null;

/** Entries about mutants that do not exist any more: their reasons may be wrong now. */
export const findOutdated = (
  entries: readonly Equivalent[],
  mutants: readonly Mutant[],
): Equivalent[] => entries.filter((entry) => !mutants.some((mutant) => isOf(entry, mutant)));

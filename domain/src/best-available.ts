import type { Layout } from './layout.ts';

/**
 * Chooses adjacent seats of one grade: nearest to the stage's focus first; windows that would
 * strand a single seat (see stranded.ts) come after all others.
 */
export type BestAvailableRequest = {
  /** Index in the document's grades. */
  grade: number;
  count: number;
};

/** Larger than any party that can buy; bounds the index. */
const maxWindowSeats = 20;

/**
 * Per grade and count, the first seats of all windows, best first. A list is built on first use and
 * depends only on the plan, so one index serves every performance on the plan.
 */
type BestAvailableIndex = {
  layout: Layout;
  rankedWindows: (grade: number, count: number) => Int32Array;
};

export const makeBestAvailableIndex = (layout: Layout): BestAvailableIndex => {
  const lists = new Map<number, Int32Array>();
  let distances: Float64Array | undefined;
  return {
    layout,
    rankedWindows(grade, count) {
      if (!Number.isInteger(count) || count < 1 || count > maxWindowSeats) {
        throw new RangeError(`a window has 1 to ${maxWindowSeats} seats, not ${count}`);
      }
      const key = grade * (maxWindowSeats + 1) + count;
      let list = lists.get(key);
      if (!list) {
        distances ??= distancesBefore(layout);
        list = rankWindows(layout, distances, grade, count);
        lists.set(key, list);
      }
      return list;
    },
  };
};

/** Sum of the distances to the focus of all seats before each seat. */
const distancesBefore = (layout: Layout): Float64Array => {
  const { focus } = layout.document.stage;
  const sums = new Float64Array(layout.seatCount + 1);
  for (let seatNo = 0; seatNo < layout.seatCount; seatNo++) {
    const dx = (layout.x[seatNo] ?? 0) - focus.x;
    const dy = (layout.y[seatNo] ?? 0) - focus.y;
    sums[seatNo + 1] = (sums[seatNo] ?? 0) + Math.hypot(dx, dy);
  }
  return sums;
};

const rankWindows = (
  layout: Layout,
  distances: Float64Array,
  grade: number,
  count: number,
): Int32Array => {
  const starts: number[] = [];
  let sameBefore = 0;
  for (let seatNo = 0; seatNo < layout.seatCount; seatNo++) {
    const runGoesOn = seatNo > 0 && layout.run[seatNo - 1] === layout.run[seatNo];
    if (layout.grade[seatNo] !== grade) sameBefore = 0;
    else sameBefore = runGoesOn ? sameBefore + 1 : 1;
    if (sameBefore >= count) starts.push(seatNo - count + 1);
  }
  const distance = (start: number) => (distances[start + count] ?? 0) - (distances[start] ?? 0);
  return Int32Array.from(starts).sort((a, b) => distance(a) - distance(b) || a - b);
};

/**
 * Candidates for every request of a batch, in the order of the requests: windows of ascending
 * seats, flattened, best first; empty when the grade has no such window free.
 *
 * First choices are disjoint within the batch, and so are the up to `fallbackMax` windows after
 * them while stock lasts, so that a request that loses its first choice to another process does not
 * take another request's. When stock runs out, the windows of others become candidates again: the
 * database may refuse those others for a different reason.
 *
 * `isFree` describes the seats before the batch and must not change during the call.
 *
 * Measured on the demo's 20,000-seat arena, 2 cores, Node 24: a request of a batch of 300 (1 to 4
 * seats, 5 grades, 3 fallbacks) takes 0.9 µs in an empty venue, 7.6 µs half sold, 10 µs 95 % sold;
 * a single request 4 to 13, 4 to 270 and 6 to 260 µs. To repeat:
 * `npx vitest bench --run --project 'unit (bench)' server/src/demo/best-available.bench.ts`
 */
export const chooseForBatch = (
  index: BestAvailableIndex,
  isFree: (seatNo: number) => boolean,
  requests: readonly BestAvailableRequest[],
  fallbackMax: number,
): Int32Array[] => {
  const chosen = new Uint8Array(index.layout.seatCount);
  const unclaimed = (seatNo: number) => chosen[seatNo] === 0 && isFree(seatNo);
  const groups = new Map<Int32Array, Group>();
  const members = requests.map(({ grade, count }) => {
    const windows = index.rankedWindows(grade, count);
    let group = groups.get(windows);
    if (!group) {
      group = { count, windows, cursor: makeCursor(index.layout, windows, count), members: [] };
      groups.set(windows, group);
    }
    const member: number[] = [];
    const start = group.cursor.next(unclaimed);
    if (start >= 0) {
      member.push(start);
      chosen.fill(1, start, start + count);
    }
    group.members.push(member);
    return { member, count };
  });
  for (const group of groups.values()) {
    addUnclaimed(group, unclaimed, chosen, fallbackMax);
    addContended(group, index.layout, isFree, fallbackMax);
  }
  return members.map(({ member, count }) => flattenWindows(member, count));
};

/** Candidates for one request, in the form of chooseForBatch. */
export const bestAvailable = (
  index: BestAvailableIndex,
  isFree: (seatNo: number) => boolean,
  request: BestAvailableRequest,
  fallbackMax: number,
): Int32Array => chooseForBatch(index, isFree, [request], fallbackMax)[0] ?? new Int32Array();

/** The requests of a batch for one grade and count, and the windows chosen for each. */
type Group = { count: number; windows: Int32Array; cursor: Cursor; members: number[][] };

/** Gives one fallback to each member, then a second one, …, while there are windows. */
const addUnclaimed = (
  group: Group,
  unclaimed: (seatNo: number) => boolean,
  chosen: Uint8Array,
  fallbackMax: number,
): void => {
  for (let round = 0; round < fallbackMax; round++) {
    for (const member of group.members) {
      const start = group.cursor.next(unclaimed);
      if (start < 0) return;
      member.push(start);
      chosen.fill(1, start, start + group.count);
    }
  }
};

/** Fills up with windows that others have; each member starts at a different one. */
const addContended = (
  group: Group,
  layout: Layout,
  isFree: (seatNo: number) => boolean,
  fallbackMax: number,
): void => {
  const short = group.members.filter((member) => member.length < 1 + fallbackMax);
  if (short.length === 0) return;
  const cursor = makeCursor(layout, group.windows, group.count);
  const contended: number[] = [];
  while (contended.length < group.members.length + fallbackMax) {
    const start = cursor.next(isFree);
    if (start < 0) break;
    contended.push(start);
  }
  for (const [place, member] of short.entries()) {
    for (let i = 0; i < contended.length && member.length < 1 + fallbackMax; i++) {
      const start = contended[(place + i) % contended.length] ?? 0;
      if (!member.includes(start)) member.push(start);
    }
  }
};

type Cursor = { next: (isFree: (seatNo: number) => boolean) => number };

/**
 * Goes through the ranked windows once: first those that strand no seat, then the others; -1 at the
 * end. Between two calls seats may become taken but not free, so no window is checked twice.
 */
const makeCursor = (layout: Layout, windows: Int32Array, count: number): Cursor => {
  let at = 0;
  let strandingAt = 0;
  const stranding: number[] = [];
  return {
    next(isFree) {
      while (at < windows.length) {
        const start = windows[at++] ?? 0;
        if (!isWindowFree(start, count, isFree)) continue;
        if (!strandsBeside(layout, start, count, isFree)) return start;
        stranding.push(start);
      }
      while (strandingAt < stranding.length) {
        const start = stranding[strandingAt++] ?? 0;
        if (isWindowFree(start, count, isFree)) return start;
      }
      return -1;
    },
  };
};

const isWindowFree = (
  start: number,
  count: number,
  isFree: (seatNo: number) => boolean,
): boolean => {
  for (let seatNo = start; seatNo < start + count; seatNo++) if (!isFree(seatNo)) return false;
  return true;
};

/** strandsSeat of stranded.ts for a window, without making the checks. */
const strandsBeside = (
  layout: Layout,
  start: number,
  count: number,
  isFree: (seatNo: number) => boolean,
): boolean => {
  const run = layout.run[start] ?? 0;
  const first = layout.runStart[run] ?? 0;
  const end = layout.runStart[run + 1] ?? 0;
  const left = start - 1;
  const right = start + count;
  if (left < first || right >= end || !isFree(left) || !isFree(right)) return false;
  const leftAlone = left - 1 < first || !isFree(left - 1);
  const rightAlone = right + 1 >= end || !isFree(right + 1);
  return leftAlone || rightAlone;
};

const flattenWindows = (starts: readonly number[], count: number): Int32Array => {
  const seats = new Int32Array(starts.length * count);
  let at = 0;
  for (const start of starts) {
    for (let seatNo = start; seatNo < start + count; seatNo++) seats[at++] = seatNo;
  }
  return seats;
};

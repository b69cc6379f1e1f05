import { type Layout, neighbours, noSeat } from './layout.ts';

/**
 * The stranded-seat rule: a request must not leave one free seat alone between taken ones; a wall
 * or an aisle counts as taken. It is excused if the free stretch is only one seat longer than the
 * party, since then every placement leaves one.
 *
 * A check names the seats to look at: the request strands `mid` exactly if mid is free, far is
 * NO_SEAT or taken, and opposite is free. mid is the seat beside one end of the requested seats,
 * far the one beyond it, opposite the seat beside their other end. `far` is NO_SEAT also if it
 * is requested itself. Checks that can never strand (opposite is a wall) are omitted.
 */
export type StrandedCheck = { mid: number; far: number; opposite: number };

/** Seats are checked as they are before the request. Throws RangeError for an unknown seat. */
export const strandedChecks = (layout: Layout, seatNos: readonly number[]): StrandedCheck[] => {
  const requested = new Set(seatNos);
  const checks: StrandedCheck[] = [];
  for (const seatNo of [...requested].sort((a, b) => a - b)) {
    const left = neighbours(layout, seatNo).before;
    if (requested.has(left)) continue;
    let last = seatNo;
    let right = neighbours(layout, last).after;
    while (requested.has(right)) {
      last = right;
      right = neighbours(layout, last).after;
    }
    if (left === noSeat || right === noSeat) continue;
    const { before: farLeft } = neighbours(layout, left);
    const { after: farRight } = neighbours(layout, right);
    checks.push(
      { mid: left, far: requested.has(farLeft) ? noSeat : farLeft, opposite: right },
      { mid: right, far: requested.has(farRight) ? noSeat : farRight, opposite: left },
    );
  }
  return checks;
};

/** The rule as SQL applies it to the same checks. */
export const strandsSeat = (
  checks: readonly StrandedCheck[],
  isFree: (seatNo: number) => boolean,
): boolean =>
  checks.some(
    ({ mid, far, opposite }) => isFree(mid) && (far === noSeat || !isFree(far)) && isFree(opposite),
  );

import type { HoldState } from './order-states.ts';

/**
 * The state of a seat map, two bits a seat: 20,000 seats are 5,000 bytes. Seat i is in byte i >> 2,
 * bits 2 × (i & 3) and the one above it. The array is the encoding: it is sent unchanged.
 */
export const seatState = { FREE: 0, HELD: 1, SOLD: 2, BLOCKED: 3 } as const;
export type SeatState = (typeof seatState)[keyof typeof seatState];
export type SeatBits = Uint8Array;

/** A change as one integer, `seatNo * 4 + state`. */
export type SeatChange = number;

/**
 * What the map shows of a seat that is not free, by the state of its hold; null: the organiser
 * withholds it. A buyer sees a seat that is being paid for as held. A hold that has ended has no
 * seats.
 */
export const readShownState = (hold: HoldState | null): SeatState => {
  if (hold === null) return seatState.BLOCKED;
  return hold === 'SOLD' ? seatState.SOLD : seatState.HELD;
};

/** All seats free. */
export const makeSeatBits = (seatCount: number): SeatBits => new Uint8Array((seatCount + 3) >> 2);

export const seatStateAt = (bits: SeatBits, seatNo: number): SeatState =>
  (((bits[seatNo >> 2] ?? 0) >> ((seatNo & 3) << 1)) & 3) as SeatState;

export const setSeatState = (bits: SeatBits, seatNo: number, state: SeatState): void => {
  const at = seatNo >> 2;
  const shift = (seatNo & 3) << 1;
  bits[at] = ((bits[at] ?? 0) & ~(3 << shift)) | (state << shift);
};

export const encodeSeatBits = (states: ArrayLike<SeatState>): SeatBits => {
  const bits = makeSeatBits(states.length);
  for (let seatNo = 0; seatNo < states.length; seatNo++) {
    setSeatState(bits, seatNo, states[seatNo] ?? seatState.FREE);
  }
  return bits;
};

/** One byte a seat. */
export const decodeSeatBits = (bits: SeatBits, seatCount: number): Uint8Array => {
  const states = new Uint8Array(seatCount);
  for (let seatNo = 0; seatNo < seatCount; seatNo++) states[seatNo] = seatStateAt(bits, seatNo);
  return states;
};

/**
 * Seats per grade and state: the count of grade g in state s is at `g * 4 + s`, so seats left of
 * grade g are at `g * 4`. `gradeOfSeat` is `Layout.grade`.
 */
export const countStates = (
  bits: SeatBits,
  gradeOfSeat: Uint8Array,
  gradeCount: number,
): Int32Array => {
  const counts = new Int32Array(gradeCount * 4);
  for (let seatNo = 0; seatNo < gradeOfSeat.length; seatNo++) {
    const at = (gradeOfSeat[seatNo] ?? 0) * 4 + seatStateAt(bits, seatNo);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
};

/** Seats neither sold nor blocked, by the code of their grade. */
export const countLeft = (
  bits: SeatBits,
  gradeOfSeat: Uint8Array,
  grades: readonly string[],
): Map<string, number> => {
  const counts = countStates(bits, gradeOfSeat, grades.length);
  const left = (g: number): number => (counts[g * 4] ?? 0) + (counts[g * 4 + 1] ?? 0);
  return new Map(grades.map((code, g) => [code, left(g)]));
};

export const seatChange = (seatNo: number, state: SeatState): SeatChange => seatNo * 4 + state;

export const applyDelta = (bits: SeatBits, changes: Iterable<SeatChange>): void => {
  for (const change of changes) setSeatState(bits, change >> 2, (change & 3) as SeatState);
};

/**
 * The changes of one version as bytes: ascending by seat, each as a varint (7 bits a byte, low
 * bits first) of `gap * 4 + state`, where gap is the distance from the previous seat (the first
 * from seat 0). With at most 100,000 seats that is below 2^21, so at most 3 bytes a change, and 1
 * or 2 if changes are close. Of several changes of one seat the last one counts.
 */
export const encodeDelta = (changes: Iterable<SeatChange>): Uint8Array => {
  const last = new Map<number, SeatChange>();
  for (const change of changes) last.set(change >> 2, change);
  const ascending = Int32Array.from(last.values()).sort();
  const bytes: number[] = [];
  let seatBefore = 0;
  for (const change of ascending) {
    let value = change - seatBefore * 4;
    seatBefore = change >> 2;
    while (value > 127) {
      bytes.push((value & 127) | 128);
      value >>= 7;
    }
    bytes.push(value);
  }
  return Uint8Array.from(bytes);
};

/** Inverse of encodeDelta. Throws RangeError if the bytes end inside a change. */
export const decodeDelta = (bytes: Uint8Array): SeatChange[] => {
  const changes: SeatChange[] = [];
  let seatBefore = 0;
  let value = 0;
  let shift = 0;
  for (const byte of bytes) {
    value |= (byte & 127) << shift;
    shift += 7;
    if (byte > 127) continue;
    const change = seatBefore * 4 + value;
    changes.push(change);
    seatBefore = change >> 2;
    value = 0;
    shift = 0;
  }
  if (shift !== 0) throw new RangeError('seat delta ends inside a change');
  return changes;
};

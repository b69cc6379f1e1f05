import { encodeSeatBits, type SeatChange, type SeatState, seatState } from './seat-bits.ts';

/**
 * What one process knows of a performance's seats: a copy of what the database has decided, updated
 * by deltas, one for each version. It answers reads and refuses lost races; it never decides who
 * gets a seat.
 */
export type SeatDelta = {
  version: number;
  changes: readonly SeatChange[];
  /** For each change the end of the holder's id, or '' if nobody holds the seat now. */
  holders: readonly string[];
  /** Until when the seats newly held by this delta are held; null if it holds none. */
  deadlineMs: number | null;
};

export type SeatSnapshot = {
  version: number;
  claims: readonly {
    seatNo: number;
    state: SeatState;
    holder: string;
    deadlineMs: number | null;
  }[];
};

export type SeatMap = {
  readonly seatCount: number;
  readonly version: number;
  /** `early`: a version before it is still missing; the delta waits for it. */
  apply(delta: SeatDelta): 'applied' | 'known' | 'early';
  /** Whether a delta is waiting for one that has not arrived. */
  readonly hasGap: boolean;
  /** Free, or held by an expired hold: the database may say yes. */
  mayBeFree(seatNo: number, nowMs: number): boolean;
  /** Seats that certainly belong to somebody else at this moment. */
  takenByOthers(seatNos: readonly number[], buyerId: string, nowMs: number): number[];
  /** Those of the seats that the buyer holds or has bought, as far as this process knows. */
  takenBy(seatNos: readonly number[], buyerId: string): number[];
  isBlocked(seatNo: number): boolean;
  /** Whether no seat is free and no held seat could be released. */
  isSoldOut(): boolean;
  /** 2 bits a seat; the same object until the map changes. */
  bits(): Uint8Array;
};

/** A buyer's mark in the map: the end of the id, 30 random bits. */
export const holderMark = (buyerId: string): string => buyerId.slice(-6);

const earlyMax = 256;

export const makeSeatMap = (seatCount: number, snapshot: SeatSnapshot): SeatMap => {
  const states = new Uint8Array(seatCount);
  const deadlines = new Float64Array(seatCount);
  const holders: string[] = new Array(seatCount).fill('');
  const early = new Map<number, SeatDelta>();
  let version = snapshot.version;
  let bits: Uint8Array | null = null;
  let open = seatCount;

  const set = (seatNo: number, state: SeatState, holder: string, deadlineMs: number): void => {
    const wasOpen = (states[seatNo] ?? 0) <= seatState.HELD;
    open += Number(state <= seatState.HELD) - Number(wasOpen);
    states[seatNo] = state;
    deadlines[seatNo] = deadlineMs;
    // A sold seat keeps its holder's mark, to tell a retry from another buyer's request.
    if (state !== seatState.SOLD) holders[seatNo] = holder;
  };
  for (const claim of snapshot.claims) {
    set(claim.seatNo, claim.state, claim.holder, claim.deadlineMs ?? Number.POSITIVE_INFINITY);
    holders[claim.seatNo] = claim.holder;
  }

  const move = (delta: SeatDelta): void => {
    for (const [i, change] of delta.changes.entries()) {
      const deadlineMs = delta.deadlineMs ?? Number.POSITIVE_INFINITY;
      set(change >> 2, (change & 3) as SeatState, delta.holders[i] ?? '', deadlineMs);
    }
    version = delta.version;
    bits = null;
  };
  const mayBeFree = (seatNo: number, nowMs: number): boolean =>
    states[seatNo] === seatState.FREE ||
    (states[seatNo] === seatState.HELD && (deadlines[seatNo] ?? 0) <= nowMs);

  return {
    seatCount,
    get version() {
      return version;
    },
    get hasGap() {
      return early.size > 0;
    },
    apply: (delta) => {
      if (delta.version <= version) return 'known';
      if (delta.version > version + 1) {
        if (early.size < earlyMax) early.set(delta.version, delta);
        return 'early';
      }
      move(delta);
      for (let next = early.get(version + 1); next !== undefined; next = early.get(version + 1)) {
        early.delete(next.version);
        move(next);
      }
      return 'applied';
    },
    mayBeFree,
    takenByOthers: (seatNos, buyerId, nowMs) => {
      const mark = holderMark(buyerId);
      return seatNos.filter(
        (seatNo) => !mayBeFree(seatNo, nowMs) && holders[seatNo] !== mark && holders[seatNo] !== '',
      );
    },
    takenBy: (seatNos, buyerId) => {
      const mark = holderMark(buyerId);
      return seatNos.filter(
        (seatNo) => states[seatNo] !== seatState.FREE && holders[seatNo] === mark,
      );
    },
    isBlocked: (seatNo) => states[seatNo] === seatState.BLOCKED,
    isSoldOut: () => open === 0,
    bits: () => {
      bits ??= encodeSeatBits(states as unknown as ArrayLike<SeatState>);
      return bits;
    },
  };
};

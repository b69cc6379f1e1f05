import type { RoomTerms } from '@usher/domain/room/types.ts';

/** Those of production; domain/room/words.ts says why. */
export const roomTerms: RoomTerms = {
  tickMs: 250,
  claimWindowMs: 30_000,
  passTtlMs: 600_000,
  passMaxMs: 1_800_000,
  presenceMs: 30_000,
  windowNumbers: 4096,
  lateOneIn: 4,
};

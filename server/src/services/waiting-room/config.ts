import { lateOneIn, tickMs } from '@usher/domain/room/constants.ts';
import type { RoomTerms } from '@usher/domain/room/types.ts';
import { defineSection, type SettingsOf, wholeNumber } from '../../platform/config.ts';

/** Times of a room. */
export const waitingRoomSection = defineSection({
  settings: {
    /** A called person who does not claim within this time is late; the second time, over. */
    ROOM_CLAIM_WINDOW_MS: wholeNumber(100, 600_000).default(30_000),
    /** An unused pass ends after this. */
    ROOM_PASS_TTL_MS: wholeNumber(100, 3_600_000).default(10 * 60_000),
    /** A pass ends after this at the latest, even if it is used. */
    ROOM_PASS_MAX_MS: wholeNumber(100, 7_200_000).default(30 * 60_000),
    /** The front passes over a person who has sent nothing for twice this long. */
    ROOM_PRESENCE_MS: wholeNumber(100, 600_000).default(30_000),
    /**
     * New places in a room for one address, as each process counts them. By the limits of a minute
     * alone, a lobby of 30 minutes gave one address 91,000; behind the address of a mobile network
     * or a campus are thousands of people.
     */
    ROOM_PLACES_PER_ADDRESS: wholeNumber(1, 10_000_000).default(5000),
  },
  findFaults: ({ config }) =>
    (config.ROOM_PASS_MAX_MS ?? Infinity) < (config.ROOM_PASS_TTL_MS ?? 0)
      ? ['ROOM_PASS_MAX_MS: must not be less than ROOM_PASS_TTL_MS']
      : [],
});
type WaitingRoomSettings = SettingsOf<typeof waitingRoomSection>;

/** The settings in the form that the room's rules expect. */
export const termsOf = (config: WaitingRoomSettings): RoomTerms => ({
  tickMs,
  claimWindowMs: config.ROOM_CLAIM_WINDOW_MS,
  passTtlMs: config.ROOM_PASS_TTL_MS,
  passMaxMs: config.ROOM_PASS_MAX_MS,
  presenceMs: config.ROOM_PRESENCE_MS,
  windowNumbers: 4096,
  lateOneIn,
});

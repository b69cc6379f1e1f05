import { tickMs } from '@usher/domain/room/constants.ts';
import type { RoomTerms } from '@usher/domain/room/types.ts';
import type { Settings } from '../../platform/config.ts';

/** What of the configuration rooms need. */
export type RoomConfig = Pick<
  Settings,
  'ROOM_CLAIM_WINDOW_MS' | 'ROOM_PASS_TTL_MS' | 'ROOM_PASS_MAX_MS' | 'ROOM_PRESENCE_MS'
>;

/** Times of a room; product.md and waiting-room.md have the defaults. */
export const termsOf = (config: RoomConfig): RoomTerms => ({
  tickMs,
  claimWindowMs: config.ROOM_CLAIM_WINDOW_MS,
  passTtlMs: config.ROOM_PASS_TTL_MS,
  passMaxMs: config.ROOM_PASS_MAX_MS,
  presenceMs: config.ROOM_PRESENCE_MS,
  windowNumbers: 4096,
});

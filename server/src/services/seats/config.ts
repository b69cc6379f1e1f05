import { defineSection, type SettingsOf, wholeNumber } from '../../platform/config.ts';

/**
 * A hold lasts 7 minutes, its time restarts once, and the total never exceeds 15 minutes: the rule
 * is in sql/restart-deadline.sql.
 */
export const seatsSection = defineSection({
  settings: {
    HOLD_TTL_MS: wholeNumber(1000, 3_600_000).default(7 * 60_000),
    HOLD_TOTAL_MAX_MS: wholeNumber(1000, 7_200_000).default(15 * 60_000),
  },
  findFaults: ({ config }) =>
    (config.HOLD_TOTAL_MAX_MS ?? Infinity) < (config.HOLD_TTL_MS ?? 0)
      ? ['HOLD_TOTAL_MAX_MS: must not be less than HOLD_TTL_MS']
      : [],
});
export type SeatsSettings = SettingsOf<typeof seatsSection>;

import { defineSection, type SettingsOf, wholeNumber } from '../../platform/config.ts';
import { accessTokenTtlMaxMs } from './limits.ts';

/** How long somebody stays signed in. */
export const identitySection = defineSection({
  settings: {
    ACCESS_TOKEN_TTL_MS: wholeNumber(60_000, accessTokenTtlMaxMs).default(10 * 60_000),
    /** At most 90 days: a stolen session must expire at some time. */
    REFRESH_TOKEN_TTL_MS: wholeNumber(600_000, 90 * 24 * 3_600_000).default(14 * 24 * 3_600_000),
  },
});
export type IdentitySettings = SettingsOf<typeof identitySection>;

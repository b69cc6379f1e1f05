import { defineSection, flag, type SettingsOf, wholeNumber } from '../../platform/config.ts';
import { accessTokenTtlMaxMs } from './limits.ts';

/** How long somebody stays signed in, and what an account costs. */
export const identitySection = defineSection({
  settings: {
    ACCESS_TOKEN_TTL_MS: wholeNumber(60_000, accessTokenTtlMaxMs).default(10 * 60_000),
    /** At most 90 days: a stolen session must expire at some time. */
    REFRESH_TOKEN_TTL_MS: wholeNumber(600_000, 90 * 24 * 3_600_000).default(14 * 24 * 3_600_000),
    /**
     * Hashes that a browser computes for each sign-up (ALTCHA), so that a farm of accounts costs
     * something. Default: 100,000 in production, a blink; else none. A flood raises it by itself.
     */
    SIGN_UP_WORK: wholeNumber(0, 10_000_000).optional(),
    /**
     * Whether an account must confirm its e-mail address by a mailed code before it joins, holds,
     * orders or gets mails. Default: where mails are really sent.
     */
    CONFIRM_EMAIL: flag.optional(),
    /** Whether minji+1@… and minji+2@… are one person: a mailbox then signs up once. */
    ONE_ACCOUNT_PER_MAILBOX: flag.default(false),
  },
});
export type IdentitySettings = SettingsOf<typeof identitySection>;

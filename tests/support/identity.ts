import { createHash } from 'node:crypto';
import { makeIds } from '../../server/src/platform/ids.ts';
import { silentLog } from '../../server/src/platform/log.ts';
import { makeMetrics } from '../../server/src/platform/metrics.ts';
import { makePasswords } from '../../server/src/services/identity/passwords.ts';
import { makeIdentity } from '../../server/src/services/identity/service.ts';
import { makeTestProofOfWork } from './proof-of-work.ts';

type Deps = Parameters<typeof makeIdentity>[0];

/** The service of accounts with cheap hashes, without limits, and with nothing to confirm. */
export const openTestIdentity = (
  given: Pick<Deps, 'clock' | 'ended' | 'store'> & Partial<Deps>,
) => {
  const ids = makeIds(given.clock);
  const metrics = makeMetrics();
  const identity = makeIdentity({
    passwords: makePasswords({
      ids,
      atOnce: 2,
      waitingMax: 10_000,
      argon2id: async ({ message }) => createHash('sha256').update(String(message)).digest(),
    }),
    ids,
    log: silentLog,
    happened: metrics.counter('usher_sessions_total', 'test', ['what']),
    secret: 'a-secret-of-a-test-that-is-long-enough',
    accessTokenTtlMs: 600_000,
    refreshTokenTtlMs: 3_600_000,
    rateLimits: false,
    proofOfWork: makeTestProofOfWork(),
    signUpWork: 0,
    mustConfirm: false,
    oneAccountPerMailbox: false,
    showsCodes: false,
    relayWake: () => undefined,
    ...given,
  });
  metrics.close();
  return identity;
};

import { isLoopback } from '../../platform/address.ts';
import type { PlatformSettings } from '../../platform/config.ts';
import type { Context } from '../../platform/context.ts';
import type { Module } from '../../platform/module.ts';
import type { ProofOfWork } from '../../platform/proof-of-work.ts';
import { idleWorker } from '../../platform/worker.ts';
import type { IdentitySettings } from './config.ts';
import { endedSessionsChannel, makeEndedSessions } from './events.ts';
import { makePruneCodes, makePruneSessions } from './jobs.ts';
import { hashesAtOnce, hashesWaitingMax, signUpWorkMin } from './limits.ts';
import { makePasswords } from './passwords.ts';
import { makeIdentityRoutes } from './routes.ts';
import { type Identity, makeIdentity } from './service.ts';
import { makeIdentityStore } from './store.ts';

type IdentityContext = Pick<
  Context,
  'db' | 'clock' | 'ids' | 'log' | 'metrics' | 'secret' | 'publicUrl' | 'listen' | 'relayWake'
> & {
  config: IdentitySettings &
    Pick<PlatformSettings, 'ALLOWED_ORIGINS' | 'HOST' | 'RATE_LIMITS' | 'USHER_ENV'> & {
      /** Of notifications: where mails are sent. */
      readonly SMTP_URL?: string | undefined;
    };
};

export const openIdentity = async (
  context: IdentityContext,
  { proofOfWork }: { proofOfWork: ProofOfWork },
): Promise<Module<Identity>> => {
  const { db, clock, ids, log, metrics, config, secret, publicUrl, listen } = context;
  const nowMs = () => clock.nowMs();
  const refreshTokenTtlMs = config.REFRESH_TOKEN_TTL_MS;
  const store = makeIdentityStore({ db, metrics, nowMs, refreshTokenTtlMs });
  const ended = await makeEndedSessions({ clock, log, endedSince: store.endedSince });
  listen(endedSessionsChannel, ended.heard);
  const isProduction = config.USHER_ENV === 'production';
  // In production another process may be the one that sends mails.
  const sendsMails = isProduction || config.SMTP_URL !== undefined;
  const identity = makeIdentity({
    store,
    passwords: makePasswords({ ids, atOnce: hashesAtOnce, waitingMax: hashesWaitingMax }),
    ended,
    clock,
    ids,
    log,
    happened: metrics.counter('usher_sessions_total', 'What happened to sessions', ['what']),
    secret,
    accessTokenTtlMs: config.ACCESS_TOKEN_TTL_MS,
    refreshTokenTtlMs,
    rateLimits: config.RATE_LIMITS,
    proofOfWork,
    signUpWork: config.SIGN_UP_WORK ?? (isProduction ? signUpWorkMin : 0),
    mustConfirm: config.CONFIRM_EMAIL ?? sendsMails,
    oneAccountPerMailbox: config.ONE_ACCOUNT_PER_MAILBOX,
    // As with the pages of mails that are not sent, only this machine may see them.
    showsCodes: !sendsMails && isLoopback(config.HOST) && isLoopback(new URL(publicUrl).hostname),
    relayWake: () => context.relayWake(),
  });
  return {
    service: identity,
    routes: makeIdentityRoutes({
      identity,
      nowMs,
      publicUrl,
      allowedOrigins: config.ALLOWED_ORIGINS,
    }),
    jobs: [
      makePruneSessions({ clock, log, prune: store.prune }),
      makePruneCodes({ clock, log, pruneCodes: store.pruneCodes }),
    ],
    // Every process checks access tokens, so every process must know which sessions were ended.
    follow: ended.follow,
    start: () => idleWorker,
    close: store.close,
  };
};

import type { Clock } from '../../platform/clock.ts';
import type { PlatformSettings } from '../../platform/config.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Module } from '../../platform/module.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { IdentitySettings } from './config.ts';
import { endedSessionsChannel, openEndedSessions } from './events.ts';
import { makePruneSessions } from './jobs.ts';
import { hashesAtOnce, hashesWaitingMax } from './limits.ts';
import { makeIdentityRoutes } from './routes.ts';
import { type Identity, makeIdentity, makePasswords } from './service.ts';
import { makeIdentityStore } from './store.ts';

export type IdentityContext = {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics: Metrics;
  config: IdentitySettings & Pick<PlatformSettings, 'ALLOWED_ORIGINS' | 'RATE_LIMITS'>;
  /** Of the installation: the same for all its processes. */
  secret: string;
  publicUrl: string;
  /**
   * Names a LISTEN channel and who hears it. An empty message says that some may have been missed:
   * when the listener was opened, and when it was interrupted.
   */
  listen(channel: string, onMessage: (payload: string) => void): void;
};

export const openIdentity = async (context: IdentityContext): Promise<Module<Identity>> => {
  const { db, clock, ids, log, metrics, config, secret, publicUrl, listen } = context;
  const nowMs = () => clock.nowMs();
  const refreshTokenTtlMs = config.REFRESH_TOKEN_TTL_MS;
  const store = makeIdentityStore({ db, metrics, nowMs, refreshTokenTtlMs });
  const ended = await openEndedSessions({ clock, log, endedSince: store.endedSince });
  listen(endedSessionsChannel, ended.heard);
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
  });
  return {
    service: identity,
    routes: makeIdentityRoutes({
      identity,
      nowMs,
      publicUrl,
      allowedOrigins: config.ALLOWED_ORIGINS,
    }),
    jobs: [makePruneSessions({ clock, log, prune: store.prune })],
    close: async () => {
      await ended.close();
      await store.close();
    },
  };
};

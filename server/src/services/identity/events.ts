import type { events } from '@usher/contract/events.ts';
import type { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { makeLoop } from '../../platform/clock.ts';
import { appendEvents } from '../../platform/journal/append.ts';
import type { Log } from '../../platform/log.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Worker } from '../../platform/worker.ts';
import { accessTokenTtlMaxMs, endedSessionsOverlapMs, endedSessionsReadEveryMs } from './limits.ts';

/** The channel of ended sessions, one id per message. */
export const endedSessionsChannel = 'identity_sessions';

/**
 * The ended sessions whose access tokens may still be valid, in memory, so that checking a token
 * needs no I/O. They arrive by message, which can be lost, and are reloaded from the database,
 * which is late: together a logout works at once, and soon even after a gap.
 */
export type EndedSessions = {
  has(sessionId: string): boolean;
  add(sessionId: string): void;
  /** A message of the channel: a session's id, or empty if messages may have been missed. */
  heard(message: string): void;
  readonly size: number;
  /** Reads them periodically from now on. */
  follow(): Worker;
};

export const makeEndedSessions = async (deps: {
  clock: Clock;
  log: Log;
  /** Sessions that were ended early since then. */
  endedSince: (sinceMs: number) => Promise<{ id: string; endedAtMs: number }[]>;
}): Promise<EndedSessions> => {
  const { clock, log, endedSince } = deps;
  // In the order in which they can be forgotten, apart from clock differences.
  const forgettableAtMs = new Map<string, number>();
  let readFromMs = clock.nowMs() - accessTokenTtlMaxMs - endedSessionsOverlapMs;

  const remember = (sessionId: string, endedAtMs: number): void => {
    const nowMs = clock.nowMs();
    for (const [id, atMs] of forgettableAtMs) {
      if (atMs > nowMs) break;
      forgettableAtMs.delete(id);
    }
    if (!forgettableAtMs.has(sessionId))
      forgettableAtMs.set(sessionId, endedAtMs + accessTokenTtlMaxMs + endedSessionsOverlapMs);
  };
  const read = async (): Promise<void> => {
    const startedMs = clock.nowMs();
    for (const { id, endedAtMs } of await endedSince(readFromMs)) remember(id, endedAtMs);
    readFromMs = startedMs - endedSessionsOverlapMs;
  };

  await read();
  // Before it follows there is nothing to wake: its first round reads.
  let wake = (): void => undefined;
  return {
    has: (sessionId) => forgettableAtMs.has(sessionId),
    add: (sessionId) => remember(sessionId, clock.nowMs()),
    heard: (message) => {
      if (message === '') wake();
      else remember(message, clock.nowMs());
    },
    get size() {
      return forgettableAtMs.size;
    },
    follow: () => {
      const reading = makeLoop({
        clock,
        everyMs: endedSessionsReadEveryMs,
        run: read,
        onError: (error) => log.warn({ err: error }, 'reading ended sessions failed'),
      });
      wake = reading.wake;
      return reading;
    },
  };
};

/** The journal has the instant in a column. Events of an account are in order, like a show's. */
type Payload<Type extends keyof typeof events> = Omit<z.input<(typeof events)[Type]>, 'at'>;

/** Writes, within `tx`, that a code is to be mailed. */
export const appendCodeMade = async (
  tx: Sql,
  payload: Payload<'account.code-made'>,
  atMs: number,
  requestId: string,
): Promise<void> => {
  const showId = payload.accountId;
  await appendEvents(tx, [{ atMs, showId, type: 'account.code-made', payload, requestId }]);
};

/** Writes, within `tx`, that a person left for good. */
export const appendLeft = async (
  tx: Sql,
  payload: Payload<'account.left'>,
  atMs: number,
  requestId: string,
): Promise<void> => {
  const showId = payload.accountId;
  await appendEvents(tx, [{ atMs, showId, type: 'account.left', payload, requestId }]);
};

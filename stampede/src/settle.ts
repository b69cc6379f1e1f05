import { readSeats } from '@usher/contract/seats.ts';
import type { Buyer, Crowd } from './crowd.ts';
import { readText } from './http.ts';
import { countSeats } from './seat-choice.ts';

/** The server's database, for questions that only it can answer. */
export type Database = {
  eventsLeft(): Promise<number>;
  checkInvariants(): Promise<{
    checked: string[];
    violations: { id: string; promise: string; what: string; which: string }[];
  }>;
};

const lookAgainMs = 500;

/**
 * Waits until no seat is held any more and every event was passed on; at most until the last known
 * deadline of seats that somebody left, plus the patience.
 */
export const settle = async (
  crowd: Crowd,
  buyers: readonly Buyer[],
  database: Database | null,
): Promise<{ isJournalDrained: boolean }> => {
  const { clock, patienceMs } = crowd;
  const nowMs = clock.nowMs();
  const lastMs = buyers.reduce(
    (last, { leftHeldUntilMs }) => Math.max(last, leftHeldUntilMs ?? 0),
    nowMs,
  );
  const untilMs = clock.monotonicMs() + (lastMs - nowMs) + patienceMs;
  await until(crowd, untilMs, async () => (await heldSeats(crowd)) === 0);
  const drainUntilMs = Math.max(untilMs, clock.monotonicMs() + patienceMs / 4);
  const isDrained =
    database === null
      ? twiceInARow(async () => (await readLag(crowd)) === 0)
      : async () => (await database.eventsLeft()) === 0;
  return { isJournalDrained: await until(crowd, drainUntilMs, isDrained) };
};

const until = async (
  crowd: Crowd,
  untilMs: number,
  isSo: () => Promise<boolean>,
): Promise<boolean> => {
  const { clock, signal } = crowd;
  while (!(await isSo())) {
    if (signal.aborted || clock.monotonicMs() > untilMs) return false;
    await clock.sleep(lookAgainMs, signal);
  }
  return true;
};

/** A gauge shows only the last round: a second read, half a second later, sees another one. */
const twiceInARow = (isSo: () => Promise<boolean>): (() => Promise<boolean>) => {
  let seen = 0;
  return async () => {
    seen = (await isSo()) ? seen + 1 : 0;
    return seen >= 3;
  };
};

const heldSeats = async (crowd: Crowd): Promise<number | null> => {
  const { performanceId, seatCount } = crowd.sale;
  const read = await crowd.caller.call(
    readSeats,
    { params: { performanceId } },
    { step: null, session: null, fromMs: crowd.clock.monotonicMs(), signal: crowd.signal },
  );
  return read.outcome === 'answer' && read.status === 200
    ? countSeats(read.body, seatCount).held
    : null;
};

/** Seconds by which the oldest event is late; null if the server does not say. */
const readLag = async (crowd: Crowd): Promise<number | null> => {
  const { http, caller } = crowd;
  const sent = await http.send({
    origin: caller.origin,
    method: 'GET',
    path: '/metrics',
    headers: {},
    body: null,
  });
  if (sent.outcome !== 'reply' || sent.reply.status !== 200) return null;
  const line = /^usher_journal_lag_seconds ([\d.e+-]+)$/m.exec(readText(sent.reply));
  return line === null ? null : Number(line[1]);
};

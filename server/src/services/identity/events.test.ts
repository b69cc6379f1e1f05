import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { makeEndedSessions } from './events.ts';
import { accessTokenTtlMaxMs, endedSessionsOverlapMs } from './limits.ts';

const startMs = Date.parse('2026-12-24T10:00:00.000Z');
const keptMs = accessTokenTtlMaxMs + endedSessionsOverlapMs;

type Ended = { id: string; endedAtMs: number };

const open = async (endedSince: (sinceMs: number) => Promise<Ended[]>) => {
  const clock = manualClock(startMs);
  const ended = await makeEndedSessions({ clock, log: silentLog, endedSince });
  const following = ended.follow();
  return { clock, ended, following };
};

test('an ended session is refused until its last token expires, then is forgotten', async () => {
  const { clock, ended, following } = await open(async () => []);
  ended.add('ses_1');
  await clock.advance(keptMs - 1);
  ended.add('ses_2');
  expect(ended.has('ses_1')).toBe(true);
  await clock.advance(1);
  ended.add('ses_3');
  expect(ended.has('ses_1')).toBe(false);
  expect(ended.size).toBe(2);
  await following.stop();
});

test('sessions ended before the start are known, as far back as tokens are valid', async () => {
  const asked: number[] = [];
  const { ended, following } = await open(async (sinceMs) => {
    asked.push(sinceMs);
    return [{ id: 'ses_1', endedAtMs: startMs - 1000 }];
  });
  expect(ended.has('ses_1')).toBe(true);
  expect(asked[0]).toBe(startMs - keptMs);
  await following.stop();
});

test('a store failure during the start fails the start', async () => {
  const broken = open(async () => {
    throw new Error('the store is down');
  });
  await expect(broken).rejects.toThrow('the store is down');
});

test('a failed read loses nothing: the next one asks for the same period again', async () => {
  const asked: number[] = [];
  let isDown = false;
  const { clock, following } = await open(async (sinceMs) => {
    asked.push(sinceMs);
    if (isDown) throw new Error('the store is down');
    return [];
  });
  await until('it sleeps', () => clock.sleeping === 1);
  isDown = true;
  await clock.advance(5000);
  isDown = false;
  await clock.advance(5000);
  const [failed, again] = asked.slice(-2);
  expect(asked.length).toBeGreaterThanOrEqual(4);
  expect(again).toBe(failed);
  await following.stop();
});

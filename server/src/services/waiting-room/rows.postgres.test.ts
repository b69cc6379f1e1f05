import type { RoomSettings } from '@usher/contract/waiting-room.ts';
import { openControl } from '@usher/tests/contracts/room/stage.ts';
import { afterThisFile } from '@usher/tests/support/after-file.ts';
import { silentLog } from '@usher/tests/support/log.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { openListener } from '../../platform/postgres/listen.ts';
import { openDatabase } from '../../platform/postgres/sql.ts';
import { makeRoomRows, roomChanged } from './store.postgres.ts';

const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 4 });
afterThisFile(db.close);
const rows = makeRoomRows(db);

const settings: RoomSettings = {
  ratePerMinute: 600,
  activeMax: 500,
  opensAt: '2026-12-24T10:30:00.000Z',
  lobbyMinutes: 30,
  whenCrowded: 'warn',
  challengeCost: 0,
};
const rowOf = (showId: string) => ({
  showId,
  settings,
  control: openControl,
  serverSeed: 'cafe',
  commitment: 'beef',
});
let shows = 0;
const created = async (): Promise<string> => {
  shows++;
  const showId = `show_${shows}`;
  expect(await rows.create(rowOf(showId))).toBe(true);
  return showId;
};

test('a room is created once: the second caller finds the first one’s room', async () => {
  const showId = await created();
  const other = { ...rowOf(showId), commitment: 'another', control: { ...openControl, rev: 9 } };
  expect(await rows.create(other)).toBe(false);
  const found = await rows.find(showId);
  expect(found).toEqual({ ...rowOf(showId), enabledAtMs: expect.any(Number), tail: 0, front: 0 });
  expect(await rows.all()).toContainEqual(found);
  expect(await rows.find('show_none')).toBeNull();
});

test('the newest control and the highest numbers stay, whatever the order of saving', async () => {
  const showId = await created();
  const at = (rev: number, tail: number, front: number) => ({
    control: { ...openControl, rev, activeMax: rev },
    tail,
    front,
  });
  for (const seen of [at(3, 10, 5), at(2, 30, 4), at(5, 20, 9), at(4, 5, 5), at(5, 25, 1)])
    await rows.save(showId, seen);
  const found = await rows.find(showId);
  expect(found).toMatchObject({ control: { rev: 5, activeMax: 5 }, tail: 30, front: 9 });
});

test('processes are notified of new controls and settings, not of front steps', async () => {
  const heard: string[] = [];
  const hear = (show: string): void => {
    // An empty message means that listening has begun.
    if (show !== '') heard.push(show);
  };
  const channels = new Map([[roomChanged, hear]]);
  const listener = await openListener({ url, clock: systemClock, log: silentLog, channels });
  afterThisFile(listener.close);
  const showId = await created();
  await until('the creation has been notified', () => heard.length === 1);
  await rows.save(showId, { control: openControl, tail: 5, front: 3 });
  await rows.save(showId, { control: { ...openControl, rev: 2 }, tail: 5, front: 3 });
  await rows.saveSettings(showId, { ...settings, activeMax: 7 });
  await until('the settings have been notified', () => heard.length >= 3);
  expect(heard).toEqual([showId, showId, showId]);
  expect(await rows.find(showId)).toMatchObject({ settings: { activeMax: 7 }, tail: 5 });
});

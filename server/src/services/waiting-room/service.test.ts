import { drawRecord } from '@usher/contract/waiting-room.ts';
import {
  openControl,
  promisedTerms,
  setStage,
  startMs,
} from '@usher/tests/contracts/room/stage.ts';
import { expect, test } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import type { LiveRoom } from './live.ts';
import { makeWaitingRoom } from './service.ts';
import { testedRoom } from './store.contract.ts';
import { forgetfulJournal, openMemoryRooms } from './store.memory.ts';

const showId = `show_${'0'.repeat(25)}1`;

/** The service over a drawn room of three people, with the number of times its keys were read. */
const openDrawn = async () => {
  const clock = manualClock(startMs);
  const store = await openMemoryRooms({
    journal: forgetfulJournal,
    clock,
    log: silentLog,
    owner: 'test',
    isAlone: true,
    terms: promisedTerms,
  });
  const one = { store, advance: (ms: number) => clock.advance(ms) };
  const stage = await setStage(testedRoom(one), { phase: 'lobby', drawnAtMs: 0 });
  await stage.crowd([1, 2, 3]);
  const state = await stage.change({ seals: true, phase: 'open', drawnAtMs: startMs });
  const keys = await stage.room.entries();
  const reads = { count: 0, fails: false };
  const entries = async () => {
    reads.count++;
    if (reads.fails) throw new Error('the store is away');
    return keys;
  };
  const row = { serverSeed: 'aa', commitment: 'bb', enabledAtMs: startMs };
  const room = { showId, state, row, record: null } as unknown as LiveRoom;
  const rooms = { get: (id: string) => (id === showId ? room : undefined) };
  const deps = { rooms, store: { ...store, entries }, secret: 'secret' };
  const service = makeWaitingRoom(deps as unknown as Parameters<typeof makeWaitingRoom>[0]);
  return { service, reads, room, keys, close: () => store.close() };
};

test('the record of the draw is prepared once, and everybody gets the same bytes', async () => {
  const { service, reads, keys, close } = await openDrawn();
  const all = await Promise.all([1, 2, 3].map(() => service.drawRecord(showId)));
  const [first] = all;
  for (const each of [...all, await service.drawRecord(showId)])
    expect(each?.bytes).toBe(first?.bytes);
  expect(reads.count).toBe(1);
  const record = drawRecord.parse(JSON.parse(String(first?.bytes)));
  expect(record).toMatchObject({ showId, entries: 3, serverSeed: 'aa', root: openControl.root });
  expect([...Buffer.from(record.keys, 'base64')]).toEqual([...keys]);
  await close();
});

test('a record that could not be read is read again for the next person', async () => {
  const { service, reads, close } = await openDrawn();
  reads.fails = true;
  await expect(service.drawRecord(showId)).rejects.toThrow('the store is away');
  reads.fails = false;
  expect(await service.drawRecord(showId)).not.toBeNull();
  await close();
});

test('there is no record before the draw, nor of a show without a room', async () => {
  const { service, room, close } = await openDrawn();
  expect(await service.drawRecord('show_none')).toBeNull();
  Object.assign(room, { state: { ...room.state, drawnAtMs: 0 } });
  expect(await service.drawRecord(showId)).toBeNull();
  await close();
});

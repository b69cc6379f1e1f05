import { openControl, promisedTerms, startMs } from '@usher/tests/contracts/room/stage.ts';
import { describe, test } from 'vitest';
import { makeRoomMachine } from './machine.ts';
import type { RoomCommand } from './types.ts';

// An import is a getter here, ten times slower than what it gets.
const [control, terms] = [openControl, promisedTerms];
const key = new Uint8Array(8);
const view = new DataView(key.buffer);
/** A person's key; the next call overwrites it. */
const keyOf = (who: number): Uint8Array => {
  view.setUint32(0, Math.imul(who, 0x9e3779b1), true);
  view.setUint32(4, who, true);
  return key;
};
const joinOf = (who: number): RoomCommand => ({
  kind: 'join',
  person: keyOf(who),
  presented: null,
  replaces: null,
  mayEnter: true,
});

/** Memory of this process after a full collection (--expose-gc). */
const processBytes = (): number => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

const fill = (people: number) => {
  const before = processBytes();
  const room = makeRoomMachine({ ...control, activeMax: 1_000_000 }, terms);
  let journal = 0;
  for (let who = 0; who < people; who++) {
    room.play([joinOf(who)], startMs);
    if (who % 1000 === 999) journal += room.takeRecords().length;
  }
  const each = (bytes: number): string => (bytes / people).toFixed(1);
  const held = `${each(room.bytes)} bytes of arrays, ${each(processBytes() - before)} in all`;
  return { room, says: `a person is ${held}, and ${each(journal)} of the journal` };
};

describe.each([1_000_000, 10_000_000])('%i people', (people) => {
  const { room, says } = fill(people);
  let next = people;
  test(says, async ({ bench }) => {
    await bench('1000 joins of people who are there', () => {
      for (let who = 0; who < 1000; who++) room.play([joinOf((who * 7919) % people)], startMs);
    }).run();
    await bench('1000 joins of new people', () => {
      for (let who = 0; who < 1000; who++) room.play([joinOf(next++)], startMs);
      room.takeRecords();
    }).run();
    await bench('1000 who show themselves', () => {
      for (let who = 0; who < 1000; who++) {
        const entry = people - 1 - who;
        room.play([{ kind: 'appear', person: keyOf(entry), entry, number: entry + 1 }], startMs);
      }
    }).run();
  });
});

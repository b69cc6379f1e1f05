import TinyQueue from 'tinyqueue';
import type { RoomPass } from './types.ts';

type Held = { pass: RoomPass; lookAtMs: number };
type Line = { atMs: number; key: string; held: Held };

const makeHeap = () => new TinyQueue<Line>([], (a, b) => a.atMs - b.atMs);

/** A person's two halves as a key of a Map; short strings cost less than big integers. */
const keyOf = (low: number, high: number): string =>
  String.fromCharCode(low & 0xffff, low >>> 16, high & 0xffff, high >>> 16);

/**
 * Passes by person, and in the order of their ends. An extended pass keeps its entry in the heap
 * and is checked again when that entry comes up, so that using a pass costs nothing there.
 */
export const makePasses = () => {
  const byPerson = new Map<string, Held>();
  let heap = makeHeap();
  const look = (key: string, held: Held, atMs: number): void => {
    held.lookAtMs = atMs;
    heap.push({ atMs, key, held });
  };
  return {
    get: (low: number, high: number): RoomPass | null =>
      byPerson.get(keyOf(low, high))?.pass ?? null,
    put: (low: number, high: number, pass: RoomPass): void => {
      const key = keyOf(low, high);
      const held = { pass, lookAtMs: 0 };
      byPerson.set(key, held);
      look(key, held, pass.endsAtMs);
    },
    /** Changes the pass of a person who has one. */
    change: (low: number, high: number, endsAtMs: number, orderId: string): void => {
      const key = keyOf(low, high);
      const held = byPerson.get(key);
      if (held === undefined) return;
      held.pass = { ...held.pass, endsAtMs, orderId };
      if (endsAtMs < held.lookAtMs) look(key, held, endsAtMs);
    },
    /** Returns whether there was one. */
    remove: (low: number, high: number): boolean => byPerson.delete(keyOf(low, high)),
    /** Removes expired passes; returns how many. */
    sweep: (nowMs: number): number => {
      const before = byPerson.size;
      for (let line = heap.peek(); line !== undefined && line.atMs <= nowMs; line = heap.peek()) {
        heap.pop();
        const { atMs, key, held } = line;
        if (byPerson.get(key) !== held || held.lookAtMs !== atMs) continue;
        if (held.pass.endsAtMs <= nowMs) byPerson.delete(key);
        else look(key, held, held.pass.endsAtMs);
      }
      return before - byPerson.size;
    },
    clear: (): void => {
      byPerson.clear();
      heap = makeHeap();
    },
    get count() {
      return byPerson.size;
    },
  };
};

import { type Bits, makeBits } from './bits.ts';
import type { PersonKey } from './types.ts';

export const noEntry = -1;
const pageEntries = 4096;
const shardBits = 6;
const shardSlotsMin = 8;
const fullest = 0.7;

/** The two halves of a person's 8 bytes. */
export const lowOf = (person: PersonKey): number => wordAt(person, 0);
export const highOf = (person: PersonKey): number => wordAt(person, 4);
const wordAt = (bytes: PersonKey, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

const hashOf = (low: number, high: number): number => {
  const mixed = Math.imul(low ^ (low >>> 16), 0x7feb352d) ^ high;
  const again = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (again ^ (again >>> 16)) >>> 0;
};

/**
 * Which entry each person has. A person's 8 bytes are stored at their entry, in pages that never
 * move; a table of entries, open-addressed by a hash of those bytes, finds them. 1,000,000 people
 * take 8 bytes each in the pages and 6 to 12 in the table. The table has 64 shards that grow one by
 * one, so that no join waits for all of it: of 10,000,000 people a 64th is moved in some 10 ms.
 */
export const makePeople = () => {
  const pages: (Uint32Array | undefined)[] = [];
  const spent: Bits = makeBits();
  // A slot holds entry + 1; 0 is empty.
  const shards: Uint32Array[] = Array.from(
    { length: 1 << shardBits },
    () => new Uint32Array(shardSlotsMin),
  );
  const sizes = new Uint32Array(1 << shardBits);

  const isAt = (entry: number, low: number, high: number): boolean => {
    const page = pages[Math.floor(entry / pageEntries)]!;
    const at = 2 * (entry % pageEntries);
    return page[at] === low && page[at + 1] === high;
  };
  const hashAt = (entry: number): number => {
    const page = pages[Math.floor(entry / pageEntries)]!;
    const at = 2 * (entry % pageEntries);
    return hashOf(page[at]!, page[at + 1]!);
  };
  /** The slot of this person, or the empty one where they would be inserted. */
  const slotOf = (slots: Uint32Array, hash: number, low: number, high: number): number => {
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0 && !isAt(slots[slot]! - 1, low, high)) slot = (slot + 1) & mask;
    return slot;
  };
  const widen = (shard: number): Uint32Array => {
    const old = shards[shard]!;
    const wider = new Uint32Array(2 * old.length);
    const mask = wider.length - 1;
    for (const held of old) {
      if (held === 0) continue;
      let slot = hashAt(held - 1) & mask;
      while (wider[slot] !== 0) slot = (slot + 1) & mask;
      wider[slot] = held;
    }
    shards[shard] = wider;
    return wider;
  };
  const writeKey = (entry: number, low: number, high: number): void => {
    const index = Math.floor(entry / pageEntries);
    let page = pages[index];
    if (page === undefined) {
      page = new Uint32Array(2 * pageEntries);
      pages[index] = page;
    }
    const at = 2 * (entry % pageEntries);
    page[at] = low;
    page[at + 1] = high;
  };

  return {
    /** The entry of this person, even a spent one, or `noEntry`. */
    find: (low: number, high: number): number => {
      const hash = hashOf(low, high);
      const slots = shards[hash >>> (32 - shardBits)]!;
      return slots[slotOf(slots, hash, low, high)]! - 1;
    },
    /** From now on this is the person's entry, and it is not spent. */
    put: (low: number, high: number, entry: number): void => {
      const hash = hashOf(low, high);
      const shard = hash >>> (32 - shardBits);
      let slots = shards[shard]!;
      let slot = slotOf(slots, hash, low, high);
      if (slots[slot] === 0) {
        sizes[shard]!++;
        if (sizes[shard]! > fullest * slots.length) {
          slots = widen(shard);
          slot = slotOf(slots, hash, low, high);
        }
      }
      writeKey(entry, low, high);
      slots[slot] = entry + 1;
    },
    isSpent: (entry: number): boolean => spent.has(entry),
    spend: (entry: number): void => spent.set(entry),
    /** Writes the 8 bytes of an entry; zeros for an entry that nobody has. */
    copyKey: (entry: number, into: DataView, at: number): void => {
      const page = pages[Math.floor(entry / pageEntries)];
      if (page === undefined) return;
      const from = 2 * (entry % pageEntries);
      into.setUint32(at, page[from]!, true);
      into.setUint32(at + 4, page[from + 1]!, true);
    },
    get bytes() {
      const slots = shards.reduce((sum, shard) => sum + shard.byteLength, 0);
      const keys = pages.reduce((sum, page) => sum + (page?.byteLength ?? 0), 0);
      return slots + keys + sizes.byteLength + spent.bytes;
    },
  };
};

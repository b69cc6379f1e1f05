/** Bits by number, from 0; the storage grows by doubling. One bit per person: 1 M are 125 kB. */
export type Bits = ReturnType<typeof makeBits>;

export const makeBits = () => {
  let words = new Uint32Array(8);
  const has = (at: number): boolean => (((words[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1;
  const reserve = (wordCount: number): void => {
    if (wordCount <= words.length) return;
    const wider = new Uint32Array(Math.max(wordCount, 2 * words.length));
    wider.set(words);
    words = wider;
  };
  return {
    has,
    set: (at: number): void => {
      const word = at >>> 5;
      reserve(word + 1);
      words[word]! |= 1 << (at & 31);
    },
    /** Returns whether it was set. */
    clear: (at: number): boolean => {
      if (!has(at)) return false;
      words[at >>> 5]! &= ~(1 << (at & 31));
      return true;
    },
    /** Clears the range, both ends included; returns how many were set. */
    clearRange: (from: number, to: number): number => {
      let cleared = 0;
      const last = Math.min(to >>> 5, words.length - 1);
      for (let word = from >>> 5; word <= last; word++) {
        const mask = maskOf(word, from, to);
        cleared += countOnes(words[word]! & mask);
        words[word]! &= ~mask;
      }
      return cleared;
    },
    clearAll: (): void => {
      words.fill(0);
    },
    /** The lowest set bit at `from` or above; -1 for none. */
    lowest: (from: number): number => {
      let word = from >>> 5;
      let ones = word < words.length ? (words[word]! >>> (from & 31)) << (from & 31) : 0;
      while (ones === 0) {
        word++;
        if (word >= words.length) return -1;
        ones = words[word]!;
      }
      return word * 32 + lowestOne(ones);
    },
    /** 32 bits at once: those from 32 × `index`. */
    word: (index: number): number => words[index] ?? 0,
    get bytes() {
      return words.byteLength;
    },
  };
};

export const countOnes = (word: number): number => {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};

/** Position of the lowest set bit of a word that is not 0. */
export const lowestOne = (word: number): number => 31 - Math.clz32(word & -word);

/** The bits of this word from `from` to `to`, both included. */
export const maskOf = (word: number, from: number, to: number): number => {
  const low = from > word * 32 ? -1 << (from & 31) : -1;
  const high = to < word * 32 + 31 ? -1 >>> (31 - (to & 31)) : -1;
  return low & high;
};

/**
 * Bytes of the journal. Whole numbers take 7 bits a byte, low bits first; texts and lists are
 * preceded by their length. The content of each kind of record is defined in facts.ts.
 */
export const makeRecordWriter = () => {
  let bytes = new Uint8Array(256);
  let size = 0;
  const reserve = (more: number): void => {
    if (size + more <= bytes.length) return;
    const wider = new Uint8Array(Math.max(size + more, 2 * bytes.length));
    wider.set(bytes.subarray(0, size));
    bytes = wider;
  };
  const int = (value: number): void => {
    reserve(8);
    let rest = value;
    while (rest >= 128) {
      bytes[size++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    bytes[size++] = rest;
  };
  const append = (more: Uint8Array): void => {
    reserve(more.length);
    bytes.set(more, size);
    size += more.length;
  };
  return {
    /** From 0 to 2^53 − 1. */
    int,
    /** 32 bits. */
    word: (value: number): void => {
      reserve(4);
      for (let shift = 0; shift < 32; shift += 8) bytes[size++] = (value >>> shift) & 255;
    },
    text: (value: string): void => {
      const encoded = new TextEncoder().encode(value);
      int(encoded.length);
      append(encoded);
    },
    /** Unchanged: the reader knows where they end. */
    bytes: append,
    /** Ascending whole numbers, as the gaps between them. */
    ascending: (values: readonly number[]): void => {
      int(values.length);
      let before = 0;
      for (const value of values) {
        int(value - before);
        before = value;
      }
    },
    /** What was written since the last call. */
    take: (): Uint8Array => {
      const taken = bytes.slice(0, size);
      size = 0;
      if (bytes.length > keptMax) bytes = new Uint8Array(256);
      return taken;
    },
    get size() {
      return size;
    },
  };
};

/** A buffer that was enlarged by one burst is not kept forever. */
const keptMax = 65_536;

export const makeRecordReader = (bytes: Uint8Array) => {
  let at = 0;
  const int = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('assertion failed: a record is cut short');
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  return {
    int,
    word: (): number => {
      const from = at;
      at += 4;
      if (at > bytes.length) throw new Error('assertion failed: a record is cut short');
      const low = bytes[from]! | (bytes[from + 1]! << 8);
      return (low | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24)) >>> 0;
    },
    text: (): string => {
      const length = int();
      const from = at;
      at += length;
      if (at > bytes.length) throw new Error('assertion failed: a text is cut short');
      return new TextDecoder().decode(bytes.subarray(from, at));
    },
    ascending: (): number[] => {
      const values: number[] = [];
      let before = 0;
      for (let count = int(); count > 0; count--) {
        before += int();
        values.push(before);
      }
      return values;
    },
    get isAtEnd() {
      return at >= bytes.length;
    },
  };
};
export type RecordReader = ReturnType<typeof makeRecordReader>;

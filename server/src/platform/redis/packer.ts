import { assert } from '../failure.ts';

/**
 * Packs numbers and texts for a script, which unpacks them with `struct.unpack`: one argument costs
 * Redis less than many, and bytes cost less than text.
 */
export const makePacker = (bytesMax: number) => {
  const bytes = Buffer.allocUnsafe(bytesMax);
  let at = 0;
  return {
    /** `B`: 0 to 255. */
    byte: (value: number): void => {
      at = bytes.writeUInt8(value, at);
    },
    /** `>I4`: whole numbers below 2^32. */
    count: (value: number): void => {
      at = bytes.writeUInt32BE(value, at);
    },
    /** `>d`: any number. */
    number: (value: number): void => {
      at = bytes.writeDoubleBE(value, at);
    },
    /** `Bc0`: up to 255 bytes. */
    text: (value: string): void => {
      at = bytes.writeUInt8(Buffer.byteLength(value), at);
      at += bytes.write(value, at);
    },
    /** `c8` for 8 of them. */
    bytes: (value: Uint8Array): void => {
      assert(at + value.length <= bytesMax, 'packed data fits the buffer');
      bytes.set(value, at);
      at += value.length;
    },
    packed: (): Buffer => bytes.subarray(0, at),
  };
};

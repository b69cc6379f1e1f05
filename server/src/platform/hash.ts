import { hash } from 'node:crypto';

/** A digest that was computed as a binary string, which is much faster than a Buffer. */
const toBytes = (digest: string): Uint8Array => {
  const bytes = new Uint8Array(digest.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = digest.charCodeAt(at);
  return bytes;
};

/**
 * SHA-256 of the concatenated parts, as 32 bytes that are not shared. The digest is computed as a
 * binary string, not as a Buffer: 0.5 µs a call against 1.3 µs, most of which is the Buffer.
 */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const [first = new Uint8Array()] = parts;
  return toBytes(hash('sha256', parts.length < 2 ? first : Buffer.concat(parts), 'binary'));
};

/** SHA-256 of a text in UTF-8, as 32 bytes: 1.6 µs a call against 5.4 µs with a Buffer. */
export const sha256OfText = (text: string): Uint8Array => toBytes(hash('sha256', text, 'binary'));

const blockBytes = 64;

/**
 * HMAC-SHA256 of texts under one key (RFC 2104), as 32 bytes that are not shared. Of two digests in
 * one call each, as Node's Hmac makes several objects for every text: 0.8 µs a call against 1.8 µs.
 * hash.test.ts compares the two.
 */
export const makeHmac = (key: Uint8Array): ((text: string) => Buffer) => {
  const padded = Buffer.alloc(blockBytes);
  padded.set(key.length > blockBytes ? sha256(key) : key);
  const outer = Buffer.alloc(blockBytes + 32);
  let inner = Buffer.alloc(1024);
  for (const [i, byte] of padded.entries()) {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  return (text) => {
    // A character of UTF-16 has at most three bytes in UTF-8.
    const bytesMax = blockBytes + 3 * text.length;
    if (inner.length < bytesMax) inner = Buffer.concat([inner], bytesMax);
    const end = blockBytes + inner.write(text, blockBytes);
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), blockBytes, 'latin1');
    return Buffer.from(hash('sha256', outer, 'binary'), 'latin1');
  };
};

import { hash } from 'node:crypto';

/** SHA-256 of the concatenated parts, as 32 bytes that are not shared. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(hash('sha256', Buffer.concat(parts), 'buffer'));

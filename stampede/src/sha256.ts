import { hash } from 'node:crypto';

/** SHA-256 of the parts one after the other, as 32 bytes of their own. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(hash('sha256', Buffer.concat(parts), 'buffer'));

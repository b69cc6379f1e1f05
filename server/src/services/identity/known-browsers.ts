import { z } from 'zod';
import { sha256OfText } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import { makeTokenSigner } from '../../platform/signed-token.ts';

/** The browser's name, and the hash of the e-mail that logged in there. */
const browserPayload = z.strictObject({ b: z.string(), m: z.string() });

const hashEmail = (email: string): string => Buffer.from(sha256OfText(email)).toString('base64url');

/**
 * Recognises a browser in which an e-mail logged in before, by a signed token in a cookie. It
 * proves nothing about who sits there; it only separates the owner's tries from those of strangers.
 */
export const makeKnownBrowsers = (secret: string, ids: Ids) => {
  const tokens = makeTokenSigner({ secret, kind: 'browser', schema: browserPayload });
  return {
    /** The browser's name, or null if this e-mail did not log in there. */
    recognise: (token: string | null, email: string): string | null => {
      const payload = token === null ? null : tokens.verify(token);
      return payload?.m === hashEmail(email) ? payload.b : null;
    },
    /** A token for a browser in which this e-mail has just logged in. */
    remember: (email: string): string => tokens.sign({ b: ids.secret(), m: hashEmail(email) }),
  };
};

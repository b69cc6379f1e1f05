/**
 * Headers of every response, whatever answers it. A browser that opens an answer of the API as a
 * page, or is led to take it for something else, gets nothing out of it: no script runs, no type is
 * guessed, no other site frames it, and no address with a secret is passed on. Pages for people set
 * their own policies over these (browser/pages.ts). `isHttps`: without TLS at the public address,
 * Strict-Transport-Security would promise something that does not exist.
 */
export const makeSafeHeaders = (isHttps: boolean): Readonly<Record<string, string>> => ({
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  ...(isHttps ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
});

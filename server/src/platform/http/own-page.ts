type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const hostOf = (address: string): string | null =>
  URL.canParse(address) ? new URL(address).host : null;

/**
 * Whether a form was sent by a page of ours. A browser reports the origin in headers that no page
 * can set: newer ones in Sec-Fetch-Site (over TLS), all in Origin; text browsers in Referer. A
 * request without any of them is refused: nobody needs a form without a page. `publicUrl`: behind
 * a proxy our origin differs from the Host header.
 */
export const isFromOwnPage = (headers: Headers, publicUrl: string): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const from = headers['origin'] ?? headers['referer'];
  if (typeof from !== 'string' || !URL.canParse(from)) return false;
  return new URL(from).origin === new URL(publicUrl).origin || hostOf(from) === headers['host'];
};

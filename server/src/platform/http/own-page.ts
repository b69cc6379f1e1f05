type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const hostOf = (address: string): string | null =>
  URL.canParse(address) ? new URL(address).host : null;

/**
 * Whether a form was sent by a page of ours. A browser says where it comes from in headers that no
 * page can set: the newer in Sec-Fetch-Site (over TLS), all in Origin; text browsers in Referer.
 * Who says nothing is refused: nobody needs a form without a page. `publicUrl`: behind a proxy it
 * is ours under another name than the one in the Host header.
 */
export const isFromOwnPage = (headers: Headers, publicUrl: string): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const from = headers['origin'] ?? headers['referer'];
  if (typeof from !== 'string' || !URL.canParse(from)) return false;
  return new URL(from).origin === new URL(publicUrl).origin || hostOf(from) === headers['host'];
};

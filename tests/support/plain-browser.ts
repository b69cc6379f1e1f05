import type { FastifyInstance } from 'fastify';

/** A response: the page's text without markup, and the whole page. */
export type Seen = {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  html: string;
  words: string;
  /** After how many seconds it reloads; null: it does not. */
  refreshS: number | null;
};

const signs: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};
export const wordsOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&[#\w]+;/g, (sign) => signs[sign] ?? sign)
    .replace(/\s+/g, ' ')
    .trim();

/**
 * A browser without JavaScript: it keeps cookies, follows redirects, and sends its forms with the
 * headers that tell a server their origin.
 */
export const makePlainBrowser = (http: FastifyInstance, language = 'ko') => {
  const jar = new Map<string, string>();
  const setCookies: string[] = [];
  const send = async (
    method: 'GET' | 'POST',
    url: string,
    payload: string | null,
    more: Readonly<Record<string, string>>,
  ): Promise<Seen> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await http.inject({
      method,
      url,
      headers: {
        'accept-language': language,
        ...(cookie === '' ? {} : { cookie }),
        ...(payload === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...more,
      },
      ...(payload === null ? {} : { payload }),
    });
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      setCookies.push(line);
      const [, name = '', value = '', rest = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
      if (/max-age=0(?:;|$)/i.test(rest)) jar.delete(name);
      else jar.set(name, value);
    }
    const location = reply.headers.location;
    if (reply.statusCode === 303 && location !== undefined) return send('GET', location, null, {});
    const refresh = reply.headers['refresh'];
    return {
      status: reply.statusCode,
      headers: reply.headers,
      html: reply.body,
      words: wordsOf(reply.body),
      refreshS: refresh === undefined ? null : Number.parseInt(String(refresh), 10),
    };
  };
  return {
    /** Every Set-Cookie header that was ever received, unchanged. */
    setCookies,
    jar,
    open: (url: string) => send('GET', url, null, {}),
    submit: (
      url: string,
      fields: Readonly<Record<string, string>>,
      headers: Readonly<Record<string, string>> = { 'sec-fetch-site': 'same-origin' },
    ) => send('POST', url, String(new URLSearchParams(fields)), headers),
  };
};
export type PlainBrowser = ReturnType<typeof makePlainBrowser>;

import { readdirSync, readFileSync } from 'node:fs';
import { allRoutes } from '@usher/contract/routes.ts';
import { afterThisFile } from '@usher/tests/support/after-file.ts';
import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { makePages } from './pages.ts';

const app = Fastify();
afterThisFile(() => app.close());
const publicUrl = 'http://127.0.0.1:3000';
await app.register(makePages({ routes: allRoutes, publicUrl, limiter: null }));
const get = (url: string) => app.inject({ method: 'GET', url });

const web = new URL('../../../web/', import.meta.url);
const files = readdirSync(web);
const htmlFiles = files.filter((name) => name.endsWith('.html'));
const textOf = (name: string): string => readFileSync(new URL(name, web), 'utf8');

/** Complete addresses on our server that a page or a script names. */
const addressesIn = (text: string): string[] =>
  [...text.matchAll(/(?:href|src)="(\/[^"]*)"|from '\.(\/[^']+)'/g)].map(
    ([, address, script]) => address ?? `/assets${script}`,
  );
/** Addresses elsewhere in the program, or only in the demo. */
const isElsewhere = (address: string): boolean =>
  address.startsWith('/api/') || address === '/outbox';

/** What the content security policy would silently not run or not show. */
const forbiddenIn = (html: string): string[] => [
  ...(html.match(/<style\b|\sstyle=|\son[a-z]+=|javascript:/g) ?? []),
  ...[...html.matchAll(/<script\b([^>]*)>(.*?)<\/script>/gs)].flatMap(([tag, head = '', body]) =>
    head.includes(' src=') && body === '' ? [] : [tag],
  ),
];

/** Texts of a page that only readers of one language see. */
const unpairedIn = (html: string): string[] => {
  const counts = ['ko', 'en'].map(
    (language) => [...html.matchAll(new RegExp(`<(?:span|p) lang="${language}"`, 'g'))].length,
  );
  return counts[0] === counts[1] ? [] : [`${counts.join(' Korean and ')} English texts`];
};

describe('the web shell', () => {
  test('has its pages', () => {
    expect(htmlFiles.length).toBeGreaterThanOrEqual(5);
  });

  test.each(htmlFiles)('%s runs and shows completely under the policy', (name) => {
    expect(forbiddenIn(textOf(name))).toEqual([]);
  });

  test.each(htmlFiles)('%s has every text in both languages', (name) => {
    expect(unpairedIn(textOf(name))).toEqual([]);
  });

  test('names no address that is not served', async () => {
    const named = files
      .filter((name) => /\.(?:html|js)$/.test(name))
      .flatMap((name) => addressesIn(textOf(name)));
    expect(named.length).toBeGreaterThan(20);
    for (const address of new Set(named.filter((each) => !isElsewhere(each)))) {
      const { statusCode } = await get(address);
      expect(`${address} ${statusCode}`).toBe(`${address} 200`);
    }
  });

  test('is served completely, with the policy that it is written for', async () => {
    for (const address of ['/', '/shows/show_1', '/pay/success', '/pay/fail', '/o/secret']) {
      const { statusCode, headers } = await get(address);
      expect(statusCode).toBe(200);
      expect(headers['content-security-policy']).toMatch(/script-src 'self'(?:;|$)/);
      expect(headers['content-security-policy']).toMatch(/style-src 'self'(?:;|$)/);
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });
});

describe('a file of the shell', () => {
  test.each([
    ['/', 'text/html'],
    ['/shows/show_1', 'text/html'],
    ['/assets/shell.css', 'text/css'],
    ['/assets/shell.js', 'application/javascript'],
    ['/assets/icon.svg', 'image/svg+xml'],
    ['/docs/first-purchase', 'text/plain'],
  ])('%s has its content type, and browsers must not guess another', async (address, type) => {
    const { statusCode, headers } = await get(address);
    expect([statusCode, headers['content-type']?.split(';')[0]]).toEqual([200, type]);
    if (!type.startsWith('image/')) expect(headers['content-type']).toContain('charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test.each([['/'], ['/assets/shell.js']])(
    '%s is revalidated on each use, and sent again only if it has changed',
    async (url) => {
      const { headers, body } = await get(url);
      expect(body).not.toBe('');
      expect(headers['cache-control']).toBe('public, max-age=0');
      const etag = String(headers['etag']);
      const again = await app.inject({ method: 'GET', url, headers: { 'if-none-match': etag } });
      expect([again.statusCode, again.body]).toEqual([304, '']);
      const other = await app.inject({ method: 'GET', url, headers: { 'if-none-match': '"x"' } });
      expect([other.statusCode, other.body]).toEqual([200, body]);
    },
  );

  test.each([
    '/assets/package.json',
    '/assets/index.html',
    '/assets/',
    '/assets',
    '/assets/nothing.js',
    '/assets/../package.json',
    '/assets/..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/package.json',
    '/assets/..%5c..%5cpackage.json',
    '/assets/shell.js%00.css',
    '/assets//etc/passwd',
    '/assets/.git/config',
  ])('does not exist at %s', async (url) => {
    const { statusCode, body } = await get(url);
    expect([400, 403, 404]).toContain(statusCode);
    expect(body).not.toContain('@usher');
  });
});

describe('the checks of the shell detect', () => {
  test.each([
    '<script>run()</script>',
    '<script type="module">import "/x.js"</script>',
    '<p style="color:red">',
    '<style>p{}</style>',
    '<button onclick="run()">',
    '<a href="javascript:run()">',
  ])('%s, which the policy forbids', (html) => {
    expect(forbiddenIn(html)).toHaveLength(1);
  });

  test('a text without its other language', () => {
    expect(unpairedIn('<p lang="ko">공연</p>')).toHaveLength(1);
  });

  test('an address that is not served', async () => {
    const [address = ''] = addressesIn('<a href="/nowhere">');
    expect((await get(address)).statusCode).toBe(404);
    expect(addressesIn(`import { say } from './shell.js';`)).toEqual(['/assets/shell.js']);
  });
});

test('pages and documents have a limit for each address', async () => {
  const limited = Fastify();
  const asked: string[] = [];
  const limiter = {
    size: 0,
    waitMs: (key: string) => {
      asked.push(key);
      return asked.length > 3 ? 2000 : 0;
    },
  };
  await limited.register(makePages({ routes: allRoutes, publicUrl, limiter }));
  const ask = (url: string) => limited.inject({ url, remoteAddress: '192.0.2.1' });
  const addresses = ['/', '/openapi.json', '/assets/shell.js', '/docs/problems/SEATS_TAKEN'];
  const replies = [];
  for (const address of addresses) replies.push(await ask(address));
  expect(replies.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429]);
  expect(replies[3]?.headers['retry-after']).toBe('2');
  expect(new Set(asked)).toEqual(new Set(['page 192.0.2.1']));
  await limited.close();
});

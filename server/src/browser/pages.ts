import { readFile } from 'node:fs/promises';
import helmet from '@fastify/helmet';
// Fastify's own file server: types, ranges, ETags, and no access outside its folder.
import files from '@fastify/static';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type ProblemCode, problems } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import type { FastifyPluginAsync } from 'fastify';
import { sendRefusal } from '../platform/http/answers.ts';
import { readCallerAddress } from '../platform/http/caller-address.ts';
import { makeOpenApi } from '../platform/http/openapi.ts';
import { refuse } from '../platform/http/problem.ts';
import { problemPage } from '../platform/http/problem-page.ts';
import { type RateLimiter, toSubscriber } from '../platform/http/rate-limit.ts';
import { makeSafeHeaders } from '../platform/http/safe-headers.ts';

const webDir = new URL('../../../web/', import.meta.url);

/** The OpenAPI document of the whole program, also written to docs/openapi.json. */
export const openApiOf = (routes: readonly RouteSpec[]): Record<string, unknown> =>
  makeOpenApi({
    routes,
    title: 'Usher',
    version: '1',
    description:
      'A ticket office for performances that sell out in minutes. Answers that are not a success are problem documents (RFC 9457); each code has a page under /docs/problems.',
  });

/** Addresses of pages, and their files in web/. */
const pages = {
  '/': 'index.html',
  '/shows/:showId': 'show.html',
  '/pay/success': 'pay-success.html',
  '/pay/fail': 'pay-fail.html',
  '/o/:token': 'order.html',
};
/** Only files in web/ that pages load are assets. */
const noAssets = ['*.html', 'package.json'];

/** Headers of every page, for the browser that shows it. */
const pageHeaders = (isHttps: boolean) => ({
  // The provider's payment windows open as pop-ups and send messages to their opener.
  crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' as const },
  // The return address of a payment contains the payment's key.
  referrerPolicy: { policy: 'no-referrer' as const },
  // Without TLS at the public address it would promise something that does not exist.
  strictTransportSecurity: isHttps,
  contentSecurityPolicy: {
    directives: {
      defaultSrc: ["'self'"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", 'data:'],
      styleSrc: ["'self'"],
      upgradeInsecureRequests: null,
    },
  },
});

/** A page loads about ten files, and a whole house may share an address. */
const rate = { perMinute: 12_000, burst: 4000 };

/** The headers of every response that a page has its own of. */
const pageNames = Object.keys(makeSafeHeaders(true));

/** What browsers are served besides the JSON API: the shell, the documents, the problem pages. */
export const makePages =
  (options: {
    routes: readonly RouteSpec[];
    publicUrl: string;
    /** null: no rate limits. */
    limiter: RateLimiter | null;
  }): FastifyPluginAsync =>
  async (app) => {
    app.addHook('onRequest', (request, reply, done) => {
      const key = `page ${toSubscriber(readCallerAddress(request))}`;
      const retryAfterMs = options.limiter?.waitMs(key, rate) ?? 0;
      if (retryAfterMs === 0) done();
      else sendRefusal(request, reply, refuse('TOO_MANY_REQUESTS', { retryAfterMs }));
    });
    // Helmet writes below Fastify, whose own headers would win.
    app.addHook('onRequest', (_, reply, done) => {
      for (const name of pageNames) reply.removeHeader(name);
      done();
    });
    await app.register(helmet, pageHeaders(options.publicUrl.startsWith('https:')));
    const document = openApiOf(options.routes);
    const text = JSON.stringify(document);
    app.get('/openapi.json', async (_, reply) =>
      reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('cache-control', 'public, max-age=60')
        .send(text),
    );
    app.get<{ Params: { code: string } }>('/docs/problems/:code', async (request, reply) => {
      const { code } = request.params;
      if (!Object.hasOwn(problems, code)) return reply.callNotFound();
      return reply
        .header('content-type', 'text/markdown; charset=utf-8')
        .header('cache-control', 'public, max-age=60')
        .send(problemPage(code as ProblemCode, options.routes));
    });
    // A browser revalidates its copy on each use, and gets 304 if it is still valid.
    await app.register(files, {
      root: webDir,
      prefix: '/assets/',
      index: false,
      // A route for each file that exists now: no address can lead to another one.
      wildcard: false,
      globIgnore: noAssets,
    });
    for (const [address, file] of Object.entries(pages))
      app.get(address, (_, reply) => reply.sendFile(file));
    const firstPurchase = await readFile(new URL('../docs/first-purchase.md', webDir));
    app.get('/docs/first-purchase', async (_, reply) =>
      // As text: browsers show it, but they would download Markdown as a file.
      reply.header('content-type', 'text/plain; charset=utf-8').send(firstPurchase),
    );
    await app.register(swagger, { mode: 'static', specification: { document: document as never } });
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      // Over plain HTTP the page's own scripts could not be loaded with it.
      transformStaticCSP: (policy) => policy.replace(/\s*upgrade-insecure-requests;?/, ''),
      uiConfig: {
        deepLinking: true,
        defaultModelsExpandDepth: -1,
        docExpansion: 'list',
        // Otherwise the page asks a third party's server whether our document is valid.
        validatorUrl: null,
      },
    });
  };

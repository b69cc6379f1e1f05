import { readFile } from 'node:fs/promises';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type ProblemCode, problems } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import type { FastifyPluginAsync } from 'fastify';
import { makeOpenApi } from '../platform/http/openapi.ts';
import { problemPage } from '../platform/http/problem-page.ts';

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

/** The web shell: address, file below web/, media type. */
const shell = [
  ['/', 'index.html', 'text/html'],
  ['/shows/:showId', 'show.html', 'text/html'],
  ['/pay/success', 'pay-success.html', 'text/html'],
  ['/pay/fail', 'pay-fail.html', 'text/html'],
  ['/o/:token', 'order.html', 'text/html'],
  ['/assets/shell.css', 'shell.css', 'text/css'],
  ['/assets/shell.js', 'shell.js', 'text/javascript'],
  ['/assets/catalogue-words.js', 'catalogue-words.js', 'text/javascript'],
  ['/assets/home.js', 'home.js', 'text/javascript'],
  ['/assets/show.js', 'show.js', 'text/javascript'],
  ['/assets/pay-success.js', 'pay-success.js', 'text/javascript'],
  ['/assets/pay-fail.js', 'pay-fail.js', 'text/javascript'],
  ['/assets/order.js', 'order.js', 'text/javascript'],
  ['/assets/icon.svg', 'icon.svg', 'image/svg+xml'],
  ['/docs/first-purchase', '../docs/first-purchase.md', 'text/plain'],
] as const;

/** Headers of every page, for the browser that shows it. */
const pageHeaders = (isHttps: boolean) => ({
  // Payment windows of the provider open as pop-ups and talk back to their opener.
  crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' as const },
  // The address of a payment's return carries the payment's key.
  referrerPolicy: { policy: 'no-referrer' as const },
  // Where buyers reach us without TLS it would promise what is not there.
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

/** What a browser is served beside the JSON API: the shell, the documents, the problem pages. */
export const makePages =
  (options: { routes: readonly RouteSpec[]; publicUrl: string }): FastifyPluginAsync =>
  async (app) => {
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
    for (const [address, file, type] of shell) {
      const body = await readFile(new URL(file, webDir));
      app.get(address, async (_, reply) =>
        reply.header('content-type', `${type}; charset=utf-8`).send(body),
      );
    }
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
        // Else the page asks a server of somebody else's whether our document is valid.
        validatorUrl: null,
      },
    });
  };

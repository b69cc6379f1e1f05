import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.ts';

/**
 * Prepared responses by exact path: the same bytes for everyone until they are replaced, sent
 * before the router, hooks and limits run. For what a crowd polls: it costs about as much as a
 * bare Node server. Other requests are routed as usual, so a route must have the same path.
 */
export type Shortcuts = {
  put(path: string, answer: ReadyAnswer): void;
  drop(path: string): void;
};
export type ReadyAnswer = {
  /** The route's name, for the metrics. */
  route: string;
  body: Buffer;
  /** With its quotes; a request that sends it gets 304. */
  etag: string;
  headers: Readonly<Record<string, string>>;
};

/** `given` and `notModified`: reported in bulk, as reporting costs more than a response. */
type Ready = {
  route: string;
  /** As text: Node then writes head and body as one. */
  text: string;
  etag: string;
  head: string[];
  headNotModified: string[];
  given: number;
  notModified: number;
};

const makeReady = (answer: ReadyAnswer, safeHeaders: ReadyAnswer['headers']): Ready => {
  const { route, body, etag } = answer;
  const headers = { ...safeHeaders, ...answer.headers };
  const common = ['etag', etag, ...Object.entries(headers).flat()];
  return {
    route,
    text: body.toString(),
    etag,
    given: 0,
    notModified: 0,
    head: [...common, 'content-length', String(body.length)],
    headNotModified: common,
  };
};

/** The value of a header, or undefined; Node builds its object of all headers on first use. */
const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const each = raw[i]!;
    if (each.length === name.length && each.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
};

/** Puts the shortcuts before the current listeners of the server's requests. */
export type MountShortcuts = (app: FastifyInstance) => void;

/** `safeHeaders`: sent with every response; see safe-headers.ts. */
export const makeShortcuts = (
  metrics: Metrics,
  safeHeaders: ReadyAnswer['headers'],
): Shortcuts & { mount: MountShortcuts } => {
  const answers = new Map<string, Ready>();
  const total = metrics.counter(
    'usher_http_shortcuts_total',
    'Requests answered with what was ready, without the router',
    ['route', 'status'],
  );
  const tell = (ready: Ready): void => {
    const { route } = ready;
    if (ready.given > 0) total.inc({ route, status: 200 }, ready.given);
    if (ready.notModified > 0) total.inc({ route, status: 304 }, ready.notModified);
  };
  const forget = (path: string): void => {
    const before = answers.get(path);
    if (before !== undefined) tell(before);
    answers.delete(path);
  };
  const answer = (ready: Ready, request: IncomingMessage, response: ServerResponse): void => {
    if (headerOf(request, 'if-none-match') === ready.etag) {
      ready.notModified++;
      response.writeHead(304, ready.headNotModified).end();
      return;
    }
    ready.given++;
    response.writeHead(200, ready.head).end(ready.text);
  };
  return {
    put: (path, given) => {
      forget(path);
      answers.set(path, makeReady(given, safeHeaders));
    },
    drop: forget,
    mount: (app) => {
      let isClosing = false;
      // Normal handling sends connection: close.
      app.addHook('preClose', async () => {
        isClosing = true;
      });
      const { server } = app;
      const others = server.listeners('request');
      server.removeAllListeners('request');
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        const ready = request.method === 'GET' ? answers.get(request.url ?? '') : undefined;
        const isOurs = ready !== undefined && !isClosing && !app.isUnderPressure();
        // Requests from another site are left to normal handling.
        if (isOurs && headerOf(request, 'origin') === undefined) answer(ready, request, response);
        else for (const listener of others) listener.call(server, request, response);
      });
    },
  };
};

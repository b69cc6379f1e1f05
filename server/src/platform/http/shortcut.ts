import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.ts';

/**
 * Answers that are ready, by their exact path: the same bytes for everybody until they are
 * replaced, given before the router, hooks and limits are asked. For what a crowd polls: it costs
 * about what the barest Node server does. What it does not answer goes the usual way, where the
 * same path must have a route.
 */
export type Shortcuts = {
  put(path: string, answer: ReadyAnswer): void;
  drop(path: string): void;
};
export type ReadyAnswer = {
  /** The route's name, for the meters. */
  route: string;
  body: Buffer;
  /** With its quotes; a request that names it gets 304. */
  etag: string;
  headers: Readonly<Record<string, string>>;
};

/** `given` and `notModified` count until the meters are told, which costs more than an answer. */
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

const makeReady = (answer: ReadyAnswer): Ready => {
  const { route, body, etag } = answer;
  const common = ['etag', etag, ...Object.entries(answer.headers).flat()];
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

/** The value of a header, or undefined; Node's own object of all headers is made on first use. */
const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const each = raw[i]!;
    if (each.length === name.length && each.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
};

/** Puts the shortcuts before whatever listens to the server's requests now. */
export type MountShortcuts = (app: FastifyInstance) => void;

export const makeShortcuts = (metrics: Metrics): Shortcuts & { mount: MountShortcuts } => {
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
      answers.set(path, makeReady(given));
    },
    drop: forget,
    mount: (app) => {
      let isClosing = false;
      // The usual way tells the caller to hang up.
      app.addHook('preClose', async () => {
        isClosing = true;
      });
      const { server } = app;
      const others = server.listeners('request');
      server.removeAllListeners('request');
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        const ready = request.method === 'GET' ? answers.get(request.url ?? '') : undefined;
        const isOurs = ready !== undefined && !isClosing && !app.isUnderPressure();
        // What a browser asks from another site is the usual way's to judge.
        if (isOurs && headerOf(request, 'origin') === undefined) answer(ready, request, response);
        else for (const listener of others) listener.call(server, request, response);
      });
    },
  };
};

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Closing ends when the last connection has closed. Node itself closes only connections that have
 * been used and are idle at that moment. The others are closed here: those without any request yet
 * (browsers open them in advance), and those in use, when their last request is answered.
 */
export const endConnectionsWhenClosing = (app: FastifyInstance): void => {
  /** Unanswered requests by connection; more than one if they are pipelined. */
  const asked = new Map<Socket, number>();
  let isClosing = false;
  app.server.on('connection', (socket: Socket) => {
    asked.set(socket, 0);
    socket.once('close', () => asked.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    asked.set(socket, (asked.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (asked.get(socket) ?? 1) - 1;
      if (!socket.destroyed) asked.set(socket, left);
      if (isClosing && left === 0) socket.end();
    });
  });
  // With `done`, because an async hook takes two more turns of every response.
  app.addHook('onSend', ({ raw }, reply, _payload, done) => {
    if (isClosing && asked.get(raw.socket) === 1) reply.header('connection', 'close');
    done();
  });
  app.addHook('preClose', async () => {
    isClosing = true;
    for (const [socket, count] of asked) if (count === 0) socket.destroy();
  });
};

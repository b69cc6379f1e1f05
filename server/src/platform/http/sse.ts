import type { FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import { makeLoop } from '../clock.ts';

/**
 * Event streams: a frame is built once as a buffer and written to every viewer of its topic. A
 * viewer that does not read is cut off when 64 kB wait for it; clients come back by themselves and
 * start from the state, so nothing is lost by it.
 */
export type Streams = {
  join(topic: string, reply: FastifyReply, first: string): void;
  send(topic: string, frame: string): void;
  viewers(topic: string): number;
  close(): Promise<void>;
};

const unreadBytesMax = 64 * 1024;
const heartbeatMs = 15_000;
const viewersMax = 20_000;

export const frameOf = (event: string, id: string, data: string): string =>
  `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;

export const makeStreams = (clock: Clock): Streams => {
  const topics = new Map<string, Set<FastifyReply['raw']>>();
  let viewers = 0;
  const writeTo = (socket: FastifyReply['raw'], bytes: Buffer): void => {
    if (socket.writableLength > unreadBytesMax) socket.destroy();
    else socket.write(bytes);
  };
  const beat = makeLoop({
    clock,
    everyMs: heartbeatMs,
    run: async () => {
      const bytes = Buffer.from(': still here\n\n');
      for (const sockets of topics.values()) for (const socket of sockets) writeTo(socket, bytes);
    },
    onError: () => undefined,
  });
  return {
    join: (topic, reply, first) => {
      reply.hijack();
      const socket = reply.raw;
      if (viewers >= viewersMax) {
        socket.writeHead(503, { 'retry-after': '5' }).end();
        return;
      }
      socket.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      socket.write(first);
      const sockets = topics.get(topic) ?? new Set();
      topics.set(topic, sockets.add(socket));
      viewers++;
      socket.once('close', () => {
        viewers--;
        sockets.delete(socket);
        if (sockets.size === 0 && topics.get(topic) === sockets) topics.delete(topic);
      });
    },
    send: (topic, frame) => {
      const sockets = topics.get(topic);
      if (sockets === undefined) return;
      const bytes = Buffer.from(frame);
      for (const socket of sockets) writeTo(socket, bytes);
    },
    viewers: (topic) => topics.get(topic)?.size ?? 0,
    close: async () => {
      await beat.stop();
      for (const sockets of topics.values()) for (const socket of sockets) socket.end();
    },
  };
};

import type { FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import { makeLoop } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Worker } from '../worker.ts';

/**
 * Event streams: a frame is built once as a buffer and written to every viewer of its topic. A
 * viewer that does not read is cut off when 64 kB wait for it; clients reconnect by themselves and
 * start from the state, so nothing is lost.
 */
export type Streams = {
  /** Throws OVERLOADED if the process has its maximum of viewers, or if it is closing. */
  join(topic: string, reply: FastifyReply, first: string): void;
  send(topic: string, frame: string): void;
  viewers(topic: string): number;
  close(): Promise<void>;
};

const unreadBytesMax = 64 * 1024;
/** Proxies and the server's own timeout of 60 s cut off silent connections. */
const heartbeatMs = 15_000;
/** 14 kB each (quality.md, S2b): 280 MB. */
const viewersMax = 20_000;

export const frameOf = (event: string, id: string, data: string): string =>
  `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;

type Socket = FastifyReply['raw'];

/** Takes the socket from Fastify, with the headers that were set for it (those for CORS). */
const openStream = (reply: FastifyReply): Socket => {
  const headers = reply.getHeaders();
  reply.hijack();
  // It ends with its connection, so bytes are sent unchunked: a chunk would be three writes.
  reply.raw.useChunkedEncodingByDefault = false;
  reply.raw.writeHead(200, {
    ...(headers as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  return reply.raw;
};

export const makeStreams = (clock: Clock): Streams => {
  const topics = new Map<string, Set<Socket>>();
  let viewers = 0;
  let isClosing = false;
  const writeTo = (socket: Socket, bytes: Buffer): void => {
    if (socket.writableLength > unreadBytesMax) socket.destroy();
    else socket.write(bytes);
  };
  const openBeat = (): Worker =>
    makeLoop({
      clock,
      everyMs: heartbeatMs,
      run: async () => {
        const bytes = Buffer.from(': still here\n\n');
        for (const sockets of topics.values()) for (const socket of sockets) writeTo(socket, bytes);
      },
      // Writing to a socket does not throw: its errors arrive as events.
      onError: () => undefined,
    });
  /** Runs from the first viewer on. */
  let beat: Worker | null = null;
  return {
    join: (topic, reply, first) => {
      if (isClosing || viewers >= viewersMax)
        throw new Failure('OVERLOADED', 'too many viewers', { retryable: true });
      const socket = openStream(reply);
      beat ??= openBeat();
      // Do not wait for viewers that have left: their end was reported already.
      if (socket.destroyed || socket.closed) return;
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
      isClosing = true;
      await beat?.stop();
      for (const sockets of topics.values()) for (const socket of sockets) socket.end();
    },
  };
};

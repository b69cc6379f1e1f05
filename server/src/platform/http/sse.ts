import type { FastifyReply } from 'fastify';
import type { Clock } from '../clock.ts';
import { makeLoop } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Worker } from '../worker.ts';
import { toSubscriber } from './rate-limit.ts';

/**
 * Event streams: a frame is built once as a buffer and written to every viewer of its topic. A
 * viewer that does not read is cut off when 64 kB wait for it; clients reconnect by themselves and
 * start from the state, so nothing is lost.
 */
export type Streams = {
  /**
   * The oldest stream of the same account or address gives way if they have too many, that of the
   * address with most if the process has. Throws OVERLOADED if that is none, or when closing.
   */
  join(topic: string, reply: FastifyReply, first: string, viewer: Viewer): void;
  send(topic: string, frame: string): void;
  viewers(topic: string): number;
  close(): Promise<void>;
};

const unreadBytesMax = 64 * 1024;
/** Proxies and the server's own timeout of 60 s cut off silent connections. */
const heartbeatMs = 15_000;
/**
 * Streams of one process: some tabs for an account, a crowd for an address, where the oldest gives
 * way to a new one; 14 kB each (quality.md, S2b), so all of them take 280 MB.
 */
const streamLimits: StreamLimits = { perAccount: 8, perAddress: 2000, all: 20_000 };

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

/** Whom a stream is counted for. */
type Viewer = { readonly accountId: string | null; readonly address: string };

/** Streams open at once in one process, of one kind. */
type StreamLimits = {
  readonly perAccount: number;
  /** Wide: thousands of people may share an address. */
  readonly perAddress: number;
  readonly all: number;
};

/** One open stream, in all the groups in which it is counted. */
type Viewing = {
  readonly topic: string;
  readonly socket: Socket;
  readonly keys: readonly string[];
  isOpen: boolean;
};

/** Counts streams by account and address; in each group the oldest comes first. */
const makeGroups = (limits: StreamLimits) => {
  const groups = new Map<string, Set<Viewing>>();
  const countIn = (key: string): number => groups.get(key)?.size ?? 0;
  const findOldest = (key: string): Viewing | null => {
    const [oldest = null] = groups.get(key) ?? [];
    return oldest;
  };
  const nameAddress = (viewer: Viewer): string => `at ${toSubscriber(viewer.address)}`;
  return {
    listKeys: (viewer: Viewer): string[] =>
      viewer.accountId === null
        ? [nameAddress(viewer)]
        : [nameAddress(viewer), `of ${viewer.accountId}`],
    add: (viewing: Viewing): void => {
      for (const key of viewing.keys) {
        const group = groups.get(key) ?? new Set();
        groups.set(key, group.add(viewing));
      }
    },
    remove: (viewing: Viewing): void => {
      for (const key of viewing.keys) {
        const group = groups.get(key);
        group?.delete(viewing);
        if (group?.size === 0) groups.delete(key);
      }
    },
    /** Which stream must end before one with these keys begins; null: none. */
    findSurplus: (keys: readonly string[]): Viewing | null => {
      const full = keys.find((key) => {
        const most = key.startsWith('of ') ? limits.perAccount : limits.perAddress;
        return countIn(key) >= most;
      });
      return full === undefined ? null : findOldest(full);
    },
    /** The oldest stream of the group that has most, if it has more than these; else null. */
    findMost: (keys: readonly string[]): Viewing | null => {
      let most = '';
      for (const [key, group] of groups) if (group.size > countIn(most)) most = key;
      const ours = Math.max(...keys.map(countIn));
      return countIn(most) > ours + 1 ? findOldest(most) : null;
    },
  };
};

export const makeStreams = (clock: Clock, limits: StreamLimits = streamLimits): Streams => {
  const topics = new Map<string, Set<Socket>>();
  const groups = makeGroups(limits);
  let viewers = 0;
  let isClosing = false;
  const writeTo = (socket: Socket, bytes: Buffer): void => {
    if (socket.writableLength > unreadBytesMax) socket.destroy();
    else socket.write(bytes);
  };
  /** Nothing is written to it from now on. */
  const forget = (viewing: Viewing): void => {
    if (!viewing.isOpen) return;
    const { topic, socket } = viewing;
    viewing.isOpen = false;
    viewers--;
    groups.remove(viewing);
    const sockets = topics.get(topic);
    sockets?.delete(socket);
    if (sockets?.size === 0) topics.delete(topic);
  };
  /** The browser of an ended stream opens it again after some seconds. */
  const end = (viewing: Viewing): void => {
    forget(viewing);
    viewing.socket.end();
  };
  const makeRoom = (keys: readonly string[]): void => {
    for (;;) {
      const surplus = groups.findSurplus(keys);
      if (surplus === null) break;
      end(surplus);
    }
    if (viewers < limits.all) return;
    const most = groups.findMost(keys);
    if (most === null) throw new Failure('OVERLOADED', 'too many viewers', { retryable: true });
    end(most);
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
    join: (topic, reply, first, viewer) => {
      if (isClosing)
        throw new Failure('OVERLOADED', 'the streams are closing', { retryable: true });
      const keys = groups.listKeys(viewer);
      makeRoom(keys);
      const socket = openStream(reply);
      beat ??= openBeat();
      // Do not wait for viewers that have left: their end was reported already.
      if (socket.destroyed || socket.closed) return;
      socket.write(first);
      const sockets = topics.get(topic) ?? new Set();
      topics.set(topic, sockets.add(socket));
      const viewing = { topic, socket, keys, isOpen: true };
      groups.add(viewing);
      viewers++;
      socket.once('close', () => forget(viewing));
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

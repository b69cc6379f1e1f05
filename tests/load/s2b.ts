import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchRoom } from '@usher/contract/waiting-room.ts';
import { rounded } from './measure.ts';
import { openRoom } from './room.ts';
import type { TestServer } from './test-server.ts';

export type S2bSize = { viewers: number; seconds: number };
export const s2bSize: S2bSize = { viewers: 16_000, seconds: 20 };

const openAtOnce = 200;
const hourMs = 3_600_000;
/** The first viewers grow the heap; the memory for one more viewer is measured after them. */
const firstViewers = 4000;
/** How often somebody joins meanwhile, so that the watched document changes every second. */
const joinEveryMs = 250;

/** One viewer: a socket that counts the frames it receives. */
const openViewer = (port: number, path: string, nth: number, onFrame: (frames: number) => void) =>
  new Promise<Socket>((resolve, reject) => {
    // A loopback address for every 10,000: one has 28,000 ports to call from.
    const localAddress = `127.0.0.${2 + Math.floor(nth / 10_000)}`;
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    let isOpen = false;
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      if (!isOpen) {
        isOpen = true;
        if (!chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 200'))
          reject(new Error(`no stream: ${chunk.toString('latin1', 0, 400)}`));
        resolve(socket);
        return;
      }
      // A frame ends with an empty line.
      let frames = 0;
      for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) frames += 1;
      onFrame(frames);
    });
    const from = `x-forwarded-for: 10.${nth >>> 16}.${(nth >>> 8) & 255}.${nth & 255}`;
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${from}\r\naccept: text/event-stream\r\n\r\n`);
  });

/** Many watch one room as server-sent events. */
export const runS2b = async (target: TestServer, size: S2bSize, say: (line: string) => void) => {
  const limits = { ratePerMinute: 600, activeMax: 500 };
  const room = await openRoom(target, { opensInMs: hourMs, ...limits });
  const { port } = new URL(target.server.url);
  const path = watchRoom.path.replace('{showId}', room.showId);
  let frames = 0;
  const sockets: Socket[] = [];
  const openUpTo = async (viewers: number): Promise<void> => {
    while (sockets.length < viewers) {
      const from = sockets.length;
      const count = Math.min(openAtOnce, viewers - from);
      const opened = Array.from({ length: count }, (_, i) =>
        openViewer(Number(port), path, from + i, (heard) => {
          frames += heard;
        }),
      );
      sockets.push(...(await Promise.all(opened)));
    }
    say(`S2b: ${viewers} viewers`);
  };
  await openUpTo(firstViewers);
  const bytesBefore = await target.heldMemory();
  await openUpTo(size.viewers);
  const bytesAfter = await target.heldMemory();
  const cpuBefore = target.cpu();
  const [startMs, before] = [performance.now(), frames];
  for (let nth = 0; performance.now() - startMs < size.seconds * 1000; nth++) {
    const end = await room.join(nth);
    if (end.kind !== 'done') throw new Error(`person ${nth} could not join`);
    await sleep(joinEveryMs);
  }
  const heard = frames - before;
  const seconds = (performance.now() - startMs) / 1000;
  const cpuS = target.cpu().server - cpuBefore.server;
  for (const socket of sockets) socket.destroy();
  return {
    scenario: 'S2b',
    store: target.store,
    viewers: size.viewers,
    requestsPerOp: 1,
    throughputPerS: rounded(heard / seconds, 0),
    framesPerViewerPerS: rounded(heard / seconds / size.viewers, 2),
    bytesPerConnection: Math.round((bytesAfter - bytesBefore) / (size.viewers - firstViewers)),
    cpuMicrosPerOp: heard === 0 ? 0 : rounded((cpuS * 1e6) / heard, 1),
    redisTripsPerOp: 0,
    dbCommitsPerOp: 0,
    invariantViolations: await target.violations(),
  };
};

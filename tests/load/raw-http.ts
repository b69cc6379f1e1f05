import { connect, type Socket } from 'node:net';

/**
 * The load generator's HTTP client: one request at a time on each of many kept connections, and
 * nothing else. It shares two cores with what it measures, and costs a third of a full client.
 */
export type RawAnswer = { status: number; body: Buffer };
export type RawClient = {
  /** Rejects when the connection breaks; what became of the request is then unknown. */
  send(method: string, path: string, headers: string, body: string | null): Promise<RawAnswer>;
  /** Since the start, headers included. */
  readonly bytes: { sent: number; received: number };
  close(): void;
};

type Waiting = { text: string; resolve: (answer: RawAnswer) => void; reject: (e: Error) => void };

const headEnd = Buffer.from('\r\n\r\n');

export const makeRawClient = (origin: string, connectionsMax: number): RawClient => {
  const { hostname, port } = new URL(origin);
  const bytes = { sent: 0, received: 0 };
  const idle: Line[] = [];
  const queue: Waiting[] = [];
  let queueFrom = 0;
  const lines = new Set<Line>();
  let isClosed = false;

  const next = (): Waiting | undefined => {
    const waiting = queue[queueFrom];
    if (waiting === undefined) return undefined;
    queueFrom += 1;
    if (queueFrom > 4096) {
      queue.splice(0, queueFrom);
      queueFrom = 0;
    }
    return waiting;
  };
  const give = (line: Line, waiting: Waiting): void => {
    bytes.sent += line.send(waiting);
  };
  const openLine = (): Line => {
    const line = makeLine(connect({ host: hostname, port: Number(port), noDelay: true }), {
      onBytes: (count) => {
        bytes.received += count;
      },
      onIdle: () => {
        const waiting = next();
        if (waiting === undefined) idle.push(line);
        else give(line, waiting);
      },
      onEnd: () => {
        lines.delete(line);
        const at = idle.indexOf(line);
        if (at >= 0) idle.splice(at, 1);
        const waiting = isClosed ? undefined : next();
        if (waiting !== undefined) give(openLine(), waiting);
      },
    });
    lines.add(line);
    return line;
  };

  return {
    send: (method, path, headers, body) =>
      new Promise((resolve, reject) => {
        const length =
          body === null
            ? ''
            : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
        const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\n${headers}${length}\r\n`;
        const text = head + (body ?? '');
        const waiting = { text, resolve, reject };
        const line = idle.pop();
        if (line !== undefined) give(line, waiting);
        else if (lines.size < connectionsMax) give(openLine(), waiting);
        else queue.push(waiting);
      }),
    bytes,
    close: () => {
      isClosed = true;
      for (const line of lines) line.end();
    },
  };
};

type Line = { send(waiting: Waiting): number; end(): void };

const makeLine = (
  socket: Socket,
  on: { onBytes(count: number): void; onIdle(): void; onEnd(): void },
): Line => {
  let current: Waiting | null = null;
  let unread: Buffer = Buffer.alloc(0);

  const fail = (error: Error): void => {
    const failed = current;
    current = null;
    socket.destroy();
    failed?.reject(error);
  };
  socket.on('data', (chunk: Buffer) => {
    on.onBytes(chunk.length);
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    let answer: ReturnType<typeof parseAnswer>;
    try {
      answer = parseAnswer(unread);
    } catch (error) {
      fail(error as Error);
      return;
    }
    if (answer === null) return;
    unread = unread.subarray(answer.length);
    const answered = current;
    current = null;
    on.onIdle();
    answered?.resolve(answer);
  });
  socket.on('error', fail);
  socket.on('close', () => {
    fail(new Error('the connection was closed'));
    on.onEnd();
  });
  return {
    send: (waiting) => {
      current = waiting;
      socket.write(waiting.text);
      return waiting.text.length;
    },
    end: () => socket.destroy(),
  };
};

/** Null while the answer is not complete. */
export const parseAnswer = (bytes: Buffer): (RawAnswer & { length: number }) | null => {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end).toLowerCase();
  const status = Number(head.slice(9, 12));
  const at = head.indexOf('\r\ncontent-length:');
  if (at < 0 && status !== 204 && status !== 304)
    throw new Error(`an answer without its length: ${head.slice(0, 200)}`);
  const size = at < 0 ? 0 : Number.parseInt(head.slice(at + 17, at + 30), 10);
  const length = end + 4 + size;
  if (bytes.length < length) return null;
  return { status, body: bytes.subarray(end + 4, length), length };
};

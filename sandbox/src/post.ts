import { connect, type Socket } from 'node:net';
import type { Post } from './webhooks.ts';

/** A connection and the state of the answer that arrives on it. */
type Line = {
  socket: Socket;
  isReused: boolean;
  received: string;
  answered: ((status: number | null) => void) | null;
};

/** A webhook's answer need not be longer; the rest is not waited for. */
const answerMaxBytes = 256 * 1024;

/**
 * Posts to one `http:` address over persistent connections. Written on sockets because a load run
 * sends thousands a second beside the server under test: 30 µs of CPU each, whereas node:http's
 * client took 140 µs (bench/confirm.ts --webhooks). Only the status of an answer matters.
 */
export const makePost = (target: () => URL | null): { post: Post; close: () => void } => {
  const idle: Line[] = [];
  const open = new Set<Line>();
  let address = '';

  const discard = (line: Line): void => {
    open.delete(line);
    const at = idle.indexOf(line);
    if (at >= 0) idle.splice(at, 1);
    line.socket.destroy();
  };

  const dial = (url: URL): Line => {
    const socket = connect(Number(url.port || 80), url.hostname.replace(/^\[|\]$/g, ''));
    const line: Line = { socket, isReused: false, received: '', answered: null };
    open.add(line);
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      line.received += chunk;
      read(line, idle, discard);
    });
    const over = (): void => {
      discard(line);
      const { answered } = line;
      line.answered = null;
      answered?.(null);
    };
    socket.on('error', over).on('end', over).on('close', over);
    return line;
  };

  const post: Post = (headers, body, answered) => {
    const url = target();
    if (url === null) throw new Error('a webhook was sent although no address is set');
    if (url.host !== address) {
      for (const line of [...idle]) discard(line);
      address = url.host;
    }
    const text = requestText(url, headers, body);
    let line = idle.pop();
    if (line === undefined) {
      line = dial(url);
    } else {
      line.isReused = true;
    }
    const first = line;
    first.answered = (status) => {
      // A kept connection that the other side was closing says nothing about this webhook.
      if (status === null && first.isReused && first.received === '' && !isStopped) {
        line = dial(url);
        line.answered = answered;
        line.socket.write(text);
      } else {
        answered(status);
      }
    };
    let isStopped = false;
    first.socket.write(text);
    return () => {
      isStopped = true;
      if (line !== undefined && line.answered !== null) discard(line);
    };
  };
  return {
    post,
    close: () => {
      for (const line of open) discard(line);
    },
  };
};

const requestText = (url: URL, headers: Record<string, string>, body: string): string => {
  let text = `POST ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`;
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
  return `${text}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};

/** Reports the status when the answer is complete, and keeps the connection if possible. */
const read = (line: Line, idle: Line[], discard: (line: Line) => void): void => {
  const { received, answered } = line;
  if (answered === null) {
    // Unsolicited, such as a 408 before an idle connection is closed.
    discard(line);
    return;
  }
  const isTooLong = received.length > answerMaxBytes;
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0 && !isTooLong) return;
  const head = received.slice(0, Math.max(headEnd, 0));
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  const isComplete = isTooLong
    ? 'unclear'
    : hasWholeBody(head, received.length - headEnd - 4, received);
  if (isComplete === 'not-yet') return;
  line.answered = null;
  line.received = '';
  if (isComplete === 'unclear' || Number.isNaN(status)) discard(line);
  else idle.push(line);
  answered(Number.isNaN(status) ? null : status);
};

/** `unclear`: the body ends with the connection, or in a way that is not worth parsing. */
const hasWholeBody = (
  head: string,
  bodyBytes: number,
  received: string,
): 'yes' | 'not-yet' | 'unclear' => {
  if (/\r\nconnection: *close/i.test(head)) return 'unclear';
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    if (bodyBytes > Number(length)) return 'unclear';
    return bodyBytes === Number(length) ? 'yes' : 'not-yet';
  }
  if (/^HTTP\/1\.1 204/.test(head)) return 'yes';
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return 'unclear';
  return received.endsWith('\r\n0\r\n\r\n') ? 'yes' : 'not-yet';
};

import { randomBytes } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problemBodyOf, type Refusal, refuse, statusOf } from './problem.ts';

const refusalOf = (code: string): Refusal => {
  if (code === 'HPE_HEADER_OVERFLOW') return refuse('HEADERS_TOO_LARGE');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return refuse('REQUEST_TIMEOUT');
  return refuse('MALFORMED_REQUEST', { detail: 'The request is not valid HTTP/1.1.' });
};

type AnswerClientError = (error: Error & { code?: string }, socket: Socket) => void;

/** Answers what cannot become a request (too slow, too large, not HTTP), and disconnects. */
export const makeClientErrorAnswer =
  (safeHeaders: Readonly<Record<string, string>>): AnswerClientError =>
  (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const refusal = refusalOf(error.code ?? '');
    const status = statusOf(refusal);
    const place = { instance: '/', traceId: randomBytes(16).toString('hex') };
    const body = JSON.stringify(problemBodyOf(refusal, place));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'cache-control: no-store',
      'connection: close',
      ...Object.entries(safeHeaders).map(([name, value]) => `${name}: ${value}`),
    ];
    // A client that keeps sending must not keep the connection: it is cut after our response.
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  };

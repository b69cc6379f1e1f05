import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Reply } from './ask.ts';

/** Sends bytes to a server on this machine that no ordinary client would send. */
export const openRaw = async (origin: string): Promise<Socket> => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};

/** Sends the text and returns everything received until the server closes the connection. */
export const exchange = async (origin: string, text: string): Promise<string> => {
  const socket = await openRaw(origin);
  return said(socket, text);
};

export const said = (socket: Socket, text: string): Promise<string> =>
  new Promise((resolve) => {
    const heard: Buffer[] = [];
    socket.on('data', (bytes) => heard.push(bytes));
    // A server that closes while we still write resets the connection; what it sent before counts.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve(Buffer.concat(heard).toString()));
    socket.write(text);
  });

/** The single response in the received text. */
export const replyIn = (heard: string): Reply => {
  const end = heard.indexOf('\r\n\r\n');
  const [first = '', ...lines] = heard.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  if (end === -1 || Number.isNaN(status)) throw new Error(`no answer in «${heard}»`);
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status,
    headers: Object.fromEntries(headers),
    bytes: Buffer.from(heard.slice(end + 4)),
  };
};

/** A request as text; its connection is closed after the response. */
export const requestText = (
  line: string,
  headers: Readonly<Record<string, string | number>> = {},
  body = '',
): string => {
  const lines = Object.entries({ host: 'usher.test', connection: 'close', ...headers });
  return `${line} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body}`;
};

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Reply } from './ask.ts';

/** Bytes to a server on this machine, as no well-meant client sends them. */
export const openRaw = async (origin: string): Promise<Socket> => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};

/** Sends the text and answers all that came until the server hung up. */
export const exchange = async (origin: string, text: string): Promise<string> => {
  const socket = await openRaw(origin);
  return said(socket, text);
};

export const said = (socket: Socket, text: string): Promise<string> =>
  new Promise((resolve) => {
    const heard: Buffer[] = [];
    socket.on('data', (bytes) => heard.push(bytes));
    // A server that hangs up while we still write resets the line; what it said first counts.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve(Buffer.concat(heard).toString()));
    socket.write(text);
  });

/** The one answer in what was heard. */
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

/** A request as text, with the connection closed after its answer. */
export const requestText = (
  line: string,
  headers: Readonly<Record<string, string | number>> = {},
  body = '',
): string => {
  const lines = Object.entries({ host: 'usher.test', connection: 'close', ...headers });
  return `${line} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body}`;
};

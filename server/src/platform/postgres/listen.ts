import pg from 'pg';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/**
 * Messages between processes through PostgreSQL's LISTEN. Messages can be lost when a connection
 * breaks, so listeners must be correct without them; an empty message means that some may have been
 * missed. It is sent when listening begins, and again after every interruption.
 */
type Listener = { close(): Promise<void> };

type Options = {
  url: string;
  clock: Clock;
  log: Log;
  channels: ReadonlyMap<string, (payload: string) => void>;
};

const reconnectMs = 500;
/** How soon a silently broken connection is detected. */
const askMs = 15_000;
const answerMaxMs = 5000;

/** Rejects when it cannot be made; leaves nothing behind then. */
const openConnection = async (
  options: Options,
  hear: (channel: string, payload: string) => void,
) => {
  const { url, log, channels } = options;
  const client = new pg.Client({
    connectionString: url,
    application_name: 'usher listen',
    connectionTimeoutMillis: answerMaxMs,
    query_timeout: answerMaxMs,
  });
  const gone = new AbortController();
  client.on('notification', (message) => hear(message.channel, message.payload ?? ''));
  client.on('error', (error) => log.warn({ err: error }, 'LISTEN connection lost'));
  client.once('end', () => gone.abort());
  try {
    await client.connect();
    for (const channel of channels.keys()) await client.query(`LISTEN "${channel}"`);
  } catch (error) {
    client.connection.stream.destroy();
    throw error;
  }
  return { client, gone: gone.signal };
};
type Connection = Awaited<ReturnType<typeof openConnection>>;

export const openListener = async (options: Options): Promise<Listener> => {
  const { clock, log, channels } = options;
  const closing = new AbortController();
  const hear = (channel: string, payload: string): void => {
    try {
      channels.get(channel)?.(payload);
    } catch (error) {
      log.error({ err: error, channel }, 'handling a message between processes failed');
    }
  };
  const connect = async (): Promise<Connection> => {
    const connection = await openConnection(options, hear);
    for (const channel of channels.keys()) hear(channel, '');
    return connection;
  };
  /** Ends when the connection is lost or the listener is closed. */
  const keep = async ({ client, gone }: Connection): Promise<void> => {
    const ending = AbortSignal.any([gone, closing.signal]);
    while (!ending.aborted) {
      await clock.sleep(askMs, ending);
      if (ending.aborted) break;
      await client.query('SELECT 1').catch((error: unknown) => {
        log.warn({ err: error }, 'LISTEN connection does not respond');
        client.connection.stream.destroy();
      });
    }
    if (!gone.aborted) await client.end();
  };
  const reconnect = async (): Promise<Connection | null> => {
    while (!closing.signal.aborted) {
      await clock.sleep(reconnectMs, closing.signal);
      if (closing.signal.aborted) break;
      try {
        return await connect();
      } catch (error) {
        log.warn({ err: error }, 'LISTEN reconnect failed; retrying');
      }
    }
    return null;
  };

  const listen = async (first: Connection): Promise<void> => {
    for (let connection: Connection | null = first; connection !== null; ) {
      await keep(connection);
      connection = await reconnect();
    }
  };
  const ended = listen(await connect());
  return {
    close: () => {
      closing.abort();
      return ended;
    },
  };
};

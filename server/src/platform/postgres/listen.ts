import pg from 'pg';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/**
 * Messages between processes through PostgreSQL's LISTEN. They can be lost (a connection breaks):
 * whoever listens must also be right without them; an empty message says that some may have been
 * missed. It comes when listening begins, and again after every interruption.
 */
export type Listener = { close(): Promise<void> };

export const openListener = async (options: {
  url: string;
  clock: Clock;
  log: Log;
  channels: ReadonlyMap<string, (payload: string) => void>;
}): Promise<Listener> => {
  const { url, clock, log, channels } = options;
  const closing = new AbortController();
  let current: pg.Client | null = null;

  const hear = (channel: string, payload: string): void => {
    try {
      channels.get(channel)?.(payload);
    } catch (error) {
      log.error({ err: error, channel }, 'a message between processes could not be heard');
    }
  };
  const connect = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'usher listen',
      keepAlive: true,
    });
    client.on('notification', (message) => hear(message.channel, message.payload ?? ''));
    client.on('error', (error) => log.warn({ err: error }, 'the listening connection was lost'));
    client.once('end', () => {
      if (!closing.signal.aborted) void reconnect();
    });
    await client.connect();
    for (const channel of channels.keys()) await client.query(`LISTEN "${channel}"`);
    current = client;
    for (const channel of channels.keys()) hear(channel, '');
  };
  const reconnect = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await clock.sleep(500, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await connect();
        return;
      } catch (error) {
        log.warn({ err: error }, 'still not listening to the database');
      }
    }
  };

  await connect();
  return {
    close: async () => {
      closing.abort();
      await current?.end();
    },
  };
};

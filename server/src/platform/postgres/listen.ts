import pg from 'pg';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/**
 * Messages between processes through PostgreSQL's LISTEN. They can be lost (a connection breaks):
 * whoever listens must also be right without them; `onGap` says that some may have been missed.
 */
export type Listener = { close(): Promise<void> };

export const openListener = async (options: {
  url: string;
  clock: Clock;
  log: Log;
  channels: Readonly<Record<string, (payload: string) => void>>;
  onGap: () => void;
}): Promise<Listener> => {
  const { url, clock, log, channels, onGap } = options;
  const closing = new AbortController();
  let current: pg.Client | null = null;

  const connect = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'usher listen',
      keepAlive: true,
    });
    client.on('notification', (message) => channels[message.channel]?.(message.payload ?? ''));
    client.on('error', (error) => log.warn({ err: error }, 'the listening connection was lost'));
    client.once('end', () => {
      if (!closing.signal.aborted) void reconnect();
    });
    await client.connect();
    for (const channel of Object.keys(channels)) await client.query(`LISTEN "${channel}"`);
    current = client;
  };
  const reconnect = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await clock.sleep(500, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await connect();
        onGap();
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

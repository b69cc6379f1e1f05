import pg from 'pg';

/** A deadline for a busy machine; a connection usually ends within some ms. */
const goodbyeLimitMs = 30_000;

/** Drops every database whose name begins with the prefix, with all its connections. */
export const dropDatabases = async (server: string, prefix: string): Promise<void> => {
  await withClient(server, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    );
    for (const { datname } of rows) await dropDatabase(client, datname);
  });
};

/**
 * Without WITH (FORCE), which only a superuser may use while an autovacuum worker is in the
 * database; a plain DROP sends the worker away by itself and waits up to 5 s for the others.
 */
export const dropDatabase = async (client: pg.Client, database: string): Promise<void> => {
  await client.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
  await client.query(
    `SELECT pg_terminate_backend(pid, ${goodbyeLimitMs}) FROM pg_stat_activity
      WHERE datname = $1 AND backend_type = 'client backend'`,
    [database],
  );
  await client.query(`DROP DATABASE ${database}`);
};

export const withClient = async (
  url: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
};

/** The same server and role, another database. */
export const urlOf = (server: string, database: string): string => {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
};

import pg from 'pg';

/** Creates the role and database of the ticket office, the only use of the superuser. */
export const ensureDatabase = async (port: number, password: string): Promise<void> => {
  const at = { host: '127.0.0.1', port, database: 'postgres' };
  const client = new pg.Client({ ...at, user: 'postgres', password });
  await client.connect();
  try {
    const role = await client.query("SELECT FROM pg_roles WHERE rolname = 'usher'");
    const secret = client.escapeLiteral(password);
    if (role.rowCount === 0) await client.query(`CREATE ROLE usher LOGIN PASSWORD ${secret}`);
    const database = await client.query("SELECT FROM pg_database WHERE datname = 'usher'");
    if (database.rowCount === 0) await client.query('CREATE DATABASE usher OWNER usher');
  } finally {
    await client.end();
  }
};

import pg from 'pg';
import { expect, test } from 'vitest';
import { migrate } from '../../server/src/platform/postgres/migrate.ts';
import { stateMachines } from '../../server/src/state-machines.ts';
import { debianPostgres } from './debian-postgres.ts';
import { silentLog } from './log.ts';
import { describeNeeding } from './stack.ts';

describeNeeding('debian-postgresql', 'a PostgreSQL that is not ours', () => {
  test('accepts all migrations, also a second time', async () => {
    const { url } = await debianPostgres();
    await migrate({ url, log: silentLog, machines: stateMachines });
    await migrate({ url, log: silentLog, machines: stateMachines });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_setting('server_version_num')::int < 180000 AS older, current_user AS role,
              count(*) > 0 AS migrated
       FROM platform.migrations`,
    );
    await client.end();
    expect(rows).toEqual([{ older: true, role: 'usher', migrated: true }]);
  });
});

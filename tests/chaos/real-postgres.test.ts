import { readOrder } from '@usher/contract/orders.ts';
import { listTickets } from '@usher/contract/tickets.ts';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../server/src/invariants.ts';
import { openDatabase } from '../../server/src/platform/postgres/sql.ts';
import { makeAsk, sendByFetch } from '../support/ask.ts';
import { debianPostgres } from '../support/debian-postgres.ts';
import { silentLog } from '../support/log.ts';
import { makeSaleTools } from '../support/sale.ts';
import { openSandboxProgram } from '../support/sandbox.ts';
import { describeNeeding } from '../support/stack.ts';
import { makeInstallation, startIn, terminate } from '../support/usher-process.ts';

describeNeeding('debian-postgresql', 'with DATABASE_URL the program', () => {
  test('sells with an external PostgreSQL, and leaves it running when it stops', async () => {
    const { url: databaseUrl } = await debianPostgres();
    const sandbox = await openSandboxProgram();
    const installation = await makeInstallation({
      DATABASE_URL: databaseUrl,
      TOSS_URL: sandbox.url,
      TOSS_SECRET_KEY: sandbox.secretKey,
      TOSS_CLIENT_KEY: sandbox.clientKey,
    });
    const running = await startIn(installation);
    const db = openDatabase({ url: databaseUrl, name: 'test', log: silentLog, poolMax: 2 });
    const asker = makeAsk(sendByFetch(installation.url));
    const tools = makeSaleTools(asker, sandbox);
    const buyer = await tools.newBuyer();
    const organiser = await tools.newBuyer();
    // The operator makes somebody an organiser; there is no route for it.
    await db.query(`UPDATE identity.accounts SET role = 'ORGANISER' WHERE id = $1`, [
      organiser.accountId,
    ]);
    const { performanceId } = await tools.newSale(await tools.enter(organiser));
    const { order } = await tools.buy(buyer.token, performanceId, [0, 1]);

    const given = { as: buyer.token, params: { orderId: order.id } };
    expect((await asker.must(readOrder, given)).state).toBe('PAID');
    expect((await asker.must(listTickets, given)).items).toHaveLength(2);
    const [version] = await db.query<{ number: number }>(
      `SELECT current_setting('server_version_num')::int AS number`,
    );
    expect(version?.number).toBeGreaterThanOrEqual(150_000);

    expect(await terminate(running)).toBe(0);
    const { checked, violations } = await checkInvariants(db);
    expect([checked.length > 5, violations]).toEqual([true, []]);
    await db.close();
  });
});

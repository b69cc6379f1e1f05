import { callerOf, makeBuilder, openCatalogueOffice } from '@usher/tests/support/catalogue.ts';
import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { url } = await makeTestDatabase();
const office = await openCatalogueOffice({ url });
const call = callerOf(office);
const build = makeBuilder(office);
const newBuyer = () => `${office.ids.make('account')}/BUYER`;
const accountOf = (token: string) => token.split('/')[0];
afterAll(office.close);

const dayMs = 86_400_000;
let venueId: string;
beforeAll(async () => {
  venueId = (await build.venue()).id;
});
const like = (showId: string, as: string) => call('PUT', `/shows/${showId}/like`, { as });
const unlike = (showId: string, as: string) => call('DELETE', `/shows/${showId}/like`, { as });
const likesOf = async (showId: string) => (await call('GET', `/shows/${showId}`)).json().likes;

describe('a like', () => {
  test('counts once, however often it is given or removed', async () => {
    const { id } = await build.show(venueId);
    const [one, two] = [newBuyer(), newBuyer()];
    for (const as of [one, one, two]) expect((await like(id, as)).statusCode).toBe(204);
    expect(await likesOf(id)).toBe(2);
    for (const as of [one, one]) expect((await unlike(id, as)).statusCode).toBe(204);
    expect(await likesOf(id)).toBe(1);
    const many = await Promise.all(Array.from({ length: 20 }, () => like(id, one)));
    expect(new Set(many.map((each) => each.statusCode))).toEqual(new Set([204]));
    expect(await likesOf(id)).toBe(2);
  });
  test('of an unknown show, or without signing in, is refused', async () => {
    const id = office.ids.make('show');
    for (const give of [like, unlike])
      expect((await give(id, office.buyer)).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect((await like('show_x', office.buyer)).json()).toMatchObject({ code: 'NOT_FOUND' });
    for (const give of [like, unlike])
      expect((await give(id, 'nobody')).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
  test('is counted in the lists of other processes a second later', async () => {
    const other = await openCatalogueOffice({ url, nowMs: office.clock.nowMs() });
    const { id } = await build.show(venueId);
    const read = async () => (await callerOf(other)('GET', `/shows/${id}`)).json().likes;
    expect(await read()).toBe(0);
    await like(id, newBuyer());
    await other.clock.advance(1000);
    await until('the other process has read the likes', async () => (await read()) === 1);
    await other.close();
  });
});

describe('the shows that a buyer likes', () => {
  test('are listed newest like first, page by page, without those of others', async () => {
    const me = newBuyer();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { id } = await build.show(venueId);
      ids.unshift(id);
      await like(id, me);
      if (i !== 2) await office.clock.advance(1000);
      await like((await build.show(venueId)).id, office.buyer);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: { items: { id: string }[]; nextCursor: string | null } = (
        await call('GET', `/me/likes?limit=2${query}`, { as: me })
      ).json();
      seen.push(...page.items.map((item) => item.id));
      cursor = page.nextCursor;
    }
    expect([...seen].sort()).toEqual([...ids].sort());
    expect([seen[0], seen[4]]).toEqual([ids[0], ids[4]]);
  });
  test('need a sign-in, and a forged cursor is refused', async () => {
    expect((await call('GET', '/me/likes')).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
    const response = await call('GET', '/me/likes?cursor=x', { as: office.buyer });
    expect(response.json()).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('when a sale opens', () => {
  const tellOpenings = office.catalogue.jobs?.find(
    ({ name }) => name === 'catalogue-tell-openings',
  );
  /** Accounts and shows of the events since the last call. */
  let heardSeq = 0;
  const heard = async (): Promise<string[]> => {
    const rows = await office.db.query<{ seq: number; showId: string; accountIds: string[] }>(
      `SELECT seq, show_id AS "showId", payload->'accountIds' AS "accountIds"
       FROM platform.journal WHERE type = 'sale.opened' AND seq > $1 ORDER BY seq`,
      [heardSeq],
    );
    heardSeq = rows.at(-1)?.seq ?? heardSeq;
    return rows
      .flatMap(({ showId, accountIds }) => accountIds.map((id) => `${id} ${showId}`))
      .sort();
  };
  const run = async (): Promise<string[]> => {
    await tellOpenings?.run(undefined);
    return heard();
  };
  const soon = () => build.show(venueId, { saleOpensAt: build.atMs(dayMs) });

  test('everybody who likes the show is notified exactly once', async () => {
    const { id } = await soon();
    const fans = [newBuyer(), newBuyer(), newBuyer()];
    for (const fan of fans) await like(id, fan);
    await unlike(id, fans[2] ?? '');
    expect(await run()).toEqual([]);
    await office.clock.advance(dayMs);
    const expected = fans.slice(0, 2).map((fan) => `${accountOf(fan)} ${id}`);
    expect(await run()).toEqual(expected.sort());
    expect(await run()).toEqual([]);
    await like(id, newBuyer());
    for (const fan of fans) {
      await unlike(id, fan);
      await like(id, fan);
    }
    expect(await run()).toEqual([]);
  });
  test('a failed notification is retried, and two processes notify nobody twice', async () => {
    const { id } = await soon();
    const fan = newBuyer();
    await like(id, fan);
    await office.clock.advance(dayMs);
    // Makes the journal unwritable.
    await office.db.query(
      'ALTER TABLE platform.journal ADD CONSTRAINT broken CHECK (false) NOT VALID',
    );
    await expect(run()).rejects.toThrow('broken');
    await office.db.query('ALTER TABLE platform.journal DROP CONSTRAINT broken');
    await Promise.all([tellOpenings?.run(undefined), tellOpenings?.run(undefined)]);
    expect(await heard()).toEqual([`${accountOf(fan)} ${id}`]);
  });
  test('a crowd larger than one transaction is notified completely', async () => {
    const { id } = await soon();
    await office.db.query(
      `INSERT INTO catalogue.likes (account_id, show_id, liked_at)
       SELECT 'acc_crowd' || n, $1, now() FROM generate_series(1, 1001) n`,
      [id],
    );
    await office.clock.advance(dayMs);
    expect(new Set(await run()).size).toBe(1001);
  });
  test('a job is due half a second later, and follows the sale when it is moved', async () => {
    const { id } = await soon();
    const due = async () => {
      const jobs = await office.db.query<{ runAt: Date }>(
        'SELECT run_at AS "runAt" FROM graphile_worker.jobs WHERE key = $1',
        [`catalogue-tell-opening ${id}`],
      );
      return jobs.map(({ runAt }) => runAt.getTime());
    };
    expect(await due()).toEqual([Date.parse(build.atMs(dayMs)) + 500]);
    const moved = await call('PATCH', `/organiser/shows/${id}`, {
      as: office.organiser,
      body: { saleOpensAt: build.atMs(2 * dayMs) },
    });
    expect(moved.statusCode).toBe(200);
    expect(await due()).toEqual([Date.parse(build.atMs(2 * dayMs)) + 500]);
  });
  test('its job notifies those who like that show, and nobody else', async () => {
    const [one, other] = [await soon(), await soon()];
    const fan = newBuyer();
    for (const { id } of [one, other]) await like(id, fan);
    await office.clock.advance(dayMs);
    const job = office.catalogue.jobs?.find(({ name }) => name === 'catalogue-tell-opening');
    await job?.run({ showId: one.id });
    expect(await heard()).toEqual([`${accountOf(fan)} ${one.id}`]);
    expect(await run()).toEqual([`${accountOf(fan)} ${other.id}`]);
  });
  test('a show whose job was lost gets one within a minute before', async () => {
    const { id } = await soon();
    const key = `catalogue-tell-opening ${id}`;
    await office.db.query('SELECT graphile_worker.remove_job($1)', [key]);
    const isPlanned = async () =>
      (await office.db.query('SELECT FROM graphile_worker.jobs WHERE key = $1', [key])).length > 0;
    await run();
    expect(await isPlanned()).toBe(false);
    await office.clock.advance(dayMs - 60_000);
    await run();
    expect(await isPlanned()).toBe(true);
  });
  test('nobody is notified of a sale that has already ended', async () => {
    const { id } = await soon();
    await like(id, newBuyer());
    await office.clock.advance(100 * dayMs);
    expect(await run()).toEqual([]);
  });
});

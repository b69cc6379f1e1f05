import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { addJob, type Job, openJobs } from './jobs.ts';
import { silentLog } from './log.ts';
import { openDatabase } from './postgres/sql.ts';

const { url } = await makeTestDatabase();
const db = openDatabase({ url, name: 'test', log: silentLog, poolMax: 2 });
const closers: (() => Promise<void>)[] = [];
afterAll(() => db.close());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const open = async (jobs: readonly Job[], isAlone = false) => {
  const runner = await openJobs({ url, log: silentLog, jobs, isAlone, concurrency: 2 });
  closers.push(runner.close);
  return runner;
};
const add = (name: string, payload: object = {}) => addJob(db, { name, payload });
const left = (name: string) =>
  db.query<{ attempts: number; last_error: string | null }>(
    `SELECT attempts, last_error FROM graphile_worker.jobs
     WHERE task_identifier = $1`,
    [name],
  );

describe('a job', () => {
  test('runs once, with its payload, however many processes run jobs', async () => {
    const done: unknown[] = [];
    const job: Job = { name: 'mail', run: async (payload) => void done.push(payload) };
    await Promise.all([open([job]), open([job]), open([job])]);
    for (let i = 0; i < 30; i++) await add('mail', { i });
    await until('all are done', async () => (await left('mail')).length === 0);
    expect(done.map((payload) => (payload as { i: number }).i).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    );
  });

  test('that was added in a transaction that rolled back does not run', async () => {
    const undone = db.transaction(async (tx) => {
      await addJob(tx, { name: 'undone', payload: {} });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await left('undone')).toEqual([]);
  });

  test('of a key that is added again runs once, with the newer payload', async () => {
    const runAt = new Date(systemClock.nowMs() + 3_600_000);
    await addJob(db, { name: 'keyed', payload: { version: 1 }, key: 'one', runAt });
    await addJob(db, { name: 'keyed', payload: { version: 2 }, key: 'one' });
    const done: unknown[] = [];
    await open([{ name: 'keyed', run: async (payload) => void done.push(payload) }]);
    await until('it has run', async () => (await left('keyed')).length === 0);
    expect(done).toEqual([{ version: 2 }]);
  });

  test('of a lower number runs before those that came earlier', async () => {
    const done: unknown[] = [];
    for (let at = 0; at < 5; at++)
      await addJob(db, { name: 'ranked', payload: { at }, priority: 10 });
    await addJob(db, { name: 'ranked', payload: { at: 'first' } });
    const run = async (payload: unknown) => void done.push((payload as { at: unknown }).at);
    const runner = await openJobs({
      url,
      log: silentLog,
      jobs: [{ name: 'ranked', run }],
      isAlone: false,
      concurrency: 1,
    });
    closers.push(runner.close);
    await until('all have run', async () => (await left('ranked')).length === 0);
    expect(done).toEqual(['first', 0, 1, 2, 3, 4]);
  });

  test('that fails is kept with its error, and retried when it is due', async () => {
    let tries = 0;
    const run = async () => {
      if (++tries === 1) throw new Error('no mail server');
    };
    await open([{ name: 'retried', run }]);
    await add('retried');
    await until('it has failed', async () => (await left('retried'))[0]?.last_error);
    expect(await left('retried')).toMatchObject([
      { attempts: 1, last_error: expect.stringContaining('no mail server') },
    ]);
    await db.query(
      `SELECT graphile_worker.reschedule_jobs(array_agg(id), now()) FROM graphile_worker.jobs
       WHERE task_identifier = 'retried'`,
    );
    await until('it is done', async () => (await left('retried')).length === 0);
    expect(tries).toBe(2);
  });

  test('that is running is waited for when the program closes', async () => {
    let end = (): void => undefined;
    let isRunning = false;
    const held = new Promise<void>((resolve) => (end = resolve));
    const run = async () => {
      isRunning = true;
      await held;
    };
    const runner = await openJobs({
      url,
      log: silentLog,
      jobs: [{ name: 'slow', run }],
      isAlone: false,
      concurrency: 1,
    });
    await add('slow');
    await until('it runs', () => isRunning);
    const closing = runner.close();
    end();
    await closing;
    expect(await left('slow')).toEqual([]);
  });
});

import { Logger, parseCronItems, type Runner, run } from 'graphile-worker';
import pg from 'pg';
import type { Log } from './log.ts';
import type { Sql } from './postgres/sql.ts';

/**
 * Work kept in the database until it is done: retried with growing pauses, on any process.
 * `schedule` is a crontab line (UTC); each due time runs on only one process.
 */
export type Job = {
  readonly name: string;
  readonly schedule?: string;
  /** Tries before the job is left for the operator; 25 tries take over three days. */
  readonly triesMax?: number;
  run(payload: unknown): Promise<void>;
};

type Jobs = { close(): Promise<void> };

type NewJob = {
  readonly name: string;
  readonly payload: object;
  /** Now, if it is not given. */
  readonly runAt?: Date;
  /** Replaces a job of the same key that has not begun. */
  readonly key?: string;
  /** Of jobs that are due, those with the lowest number run first; 0, if it is not given. */
  readonly priority?: number;
};

/** Adds a job within the caller's transaction. */
export const addJob = async (tx: Sql, job: NewJob): Promise<void> => {
  await tx.query(
    `SELECT graphile_worker.add_job($1, $2::json, run_at => $3::timestamptz, job_key => $4::text,
       priority => $5::integer)`,
    [
      job.name,
      JSON.stringify(job.payload),
      job.runAt ?? null,
      job.key ?? null,
      job.priority ?? null,
    ],
  );
};

export const openJobs = async (options: {
  url: string;
  log: Log;
  jobs: readonly Job[];
  /** No other process runs jobs: locks were left by a crash, and are released at once. */
  isAlone: boolean;
  /** Jobs that this process runs at once. */
  concurrency: number;
}): Promise<Jobs> => {
  const { log, jobs } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: 'usher jobs',
    max: options.concurrency + 2,
  });
  // The job runner requires a listener on each connection too; the pool's own reports the error.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => log.warn({ err: error }, 'idle job connection lost'));
  // Otherwise a killed process's jobs stay locked for four hours.
  if (options.isAlone)
    await pool.query(
      `SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by))
       FROM graphile_worker.jobs WHERE locked_by IS NOT NULL`,
    );
  const runner: Runner = await run({
    pgPool: pool,
    concurrency: options.concurrency,
    noHandleSignals: true,
    pollInterval: 1000,
    logger: new Logger(() => (level, message) => {
      if (level === 'error') log.error({ job: message }, 'job runner');
      else if (level === 'warning') log.warn({ job: message }, 'job runner');
      else log.debug({ job: message }, 'job runner');
    }),
    taskList: Object.fromEntries(
      jobs.map((job) => [job.name, async (payload: unknown) => job.run(payload)]),
    ),
    parsedCronItems: parseCronItems(
      jobs
        .filter((job) => job.schedule !== undefined)
        .map((job) => ({
          task: job.name,
          match: job.schedule as string,
          identifier: job.name,
          options: { backfillPeriod: 0, maxAttempts: job.triesMax ?? 3 },
        })),
    ),
  });
  return {
    close: async () => {
      await runner.stop();
      await pool.end();
    },
  };
};

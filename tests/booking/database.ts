import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import type { Database } from '../../server/src/platform/postgres/sql.ts';
import type { Deltas } from '../../server/src/services/seats/store.ts';
import { until } from '../support/until.ts';
import type { Delta, Gate, House, PlainStep, Result, View } from './calls.ts';
import { type Actor, type Done, makeActor, openSales } from './database-calls.ts';
import { gateSql, leaveHolds, outdateHold, readVersions, readView } from './database-view.ts';
import { makeWords } from './words.ts';

/**
 * A function found that another transaction had changed what it had read: it did nothing, and a
 * program repeats it (platform/postgres/sql.ts). A deadlock would be repeated, too, but is a bug
 * here: rows are locked in one order.
 */
const isConflict = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '40001';
const conflictTries = 3;

const connect = async (url: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const run = async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> =>
    (await client.query(text, [...params])).rows as Row[];
  const query = async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> => {
    for (let tries = 1; ; tries++) {
      try {
        return await run<Row>(text, params);
      } catch (error) {
        if (tries === conflictTries || !isConflict(error)) throw error;
      }
    }
  };
  const [backend] = await query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const db: Database = {
    query,
    transaction: async (work) => {
      await client.query('BEGIN');
      try {
        const result = await work({ query: run });
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    },
    close: () => client.end(),
  };
  return { client, db, pid: backend?.pid ?? 0 };
};
type Connection = Awaited<ReturnType<typeof connect>>;

const quickTries = 30;

/**
 * Runs both at the same time. At a gate, all rows of one table are locked until each of them waits
 * for a lock or has ended: what either read before its lock is old when it gets it.
 */
const runTogether = async (
  keeper: Connection,
  pids: readonly number[],
  gate: { kind: Gate; showIds: readonly string[] },
  works: readonly [() => Promise<Done>, () => Promise<Done>],
): Promise<[Done, Done]> => {
  if (gate.kind === 'none') return Promise.all([works[0](), works[1]()]);
  const sql = gateSql[gate.kind];
  let ended = 0;
  const running = await keeper.db.transaction(async (tx) => {
    await tx.query(sql, [gate.showIds]);
    const both = works.map((work) =>
      work().finally(() => {
        ended += 1;
      }),
    );
    for (const each of both)
      each.catch(() => {
        // It is thrown below, where both are awaited.
      });
    const isStopped = async (): Promise<boolean> => {
      const waiting = await tx.query(
        `SELECT FROM pg_stat_activity WHERE pid = ANY ($1) AND wait_event_type = 'Lock'`,
        [pids],
      );
      return waiting.length + ended >= works.length;
    };
    await until('both calls wait or have ended', async () => {
      // Usually within a millisecond, much sooner than `until` asks again.
      for (let tries = 0; tries < quickTries; tries++) if (await isStopped()) return true;
      return false;
    });
    return both;
  });
  const [first, second] = await Promise.all(running);
  if (first === undefined || second === undefined) throw new Error('two works have two results');
  return [first, second];
};

/** Of two that arrive in the wrong order, the later one counts. */
const noteVersion = (versions: Map<string, number>, performance: string, version: number): void => {
  versions.set(performance, Math.max(versions.get(performance) ?? 1, version));
};

type Answer = { results: readonly Result[] };

/**
 * Plays histories on a migrated database, one after another. No other program may use it. `main`
 * also receives what processes are told; `second` and `keeper` are for calls at the same time.
 */
export const openPlays = async (url: string) => {
  const [main, second, keeper] = [await connect(url), await connect(url), await connect(url)];
  const notified: Deltas[number][] = [];
  main.client.on('notification', ({ payload }) => {
    notified.push(JSON.parse(payload ?? '') as Deltas[number]);
  });
  await main.client.query('LISTEN seats_changed');
  const { db } = main;
  let played = 0;

  const start = async (house: House) => {
    played += 1;
    notified.length = 0;
    const [now] = await db.query<{ atMs: number; seq: number }>(
      `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "atMs",
         coalesce((SELECT max(seq) FROM platform.journal), 0)::integer AS seq`,
    );
    if (now === undefined) throw new Error('the database does not say what time it is');
    const words = makeWords(played, house, now.atMs);
    await openSales(db, house, words);
    const actors: readonly [Actor, Actor] = [
      makeActor(db, house, words),
      makeActor(second.db, house, words),
    ];

    /** The last version of each performance that was received. */
    const seen = new Map<string, number>();

    /** The deltas that all processes got, in the order of their versions. */
    const readNotified = (): Delta[] => {
      const deltas = notified.splice(0).map(({ performanceId, version, changes, holders }) => {
        return { performance: words.toName(performanceId), version, changes, holders };
      });
      deltas.sort((a, b) => a.version - b.version);
      for (const { performance, version } of deltas) noteVersion(seen, performance, version);
      return deltas;
    };
    const assertTold = (dones: readonly Done[]): void => {
      if (dones.some(({ deltas }) => deltas === null)) return;
      const byVersion = (deltas: Deltas): Deltas =>
        deltas.toSorted((a, b) =>
          a.performanceId === b.performanceId
            ? a.version - b.version
            : a.performanceId < b.performanceId
              ? -1
              : 1,
        );
      const callers = byVersion(dones.flatMap(({ deltas }) => deltas ?? []));
      if (isDeepStrictEqual(callers, byVersion(notified))) return;
      const told = JSON.stringify({ callers, processes: notified });
      throw new Error(`the callers receive other changes than the processes: ${told}`);
    };
    /** What another connection has committed is received with some later answer. */
    const awaitNotified = async (): Promise<void> => {
      await until('what was committed is received', async () => {
        const versions = await readVersions(db, words);
        const received = new Map(seen);
        for (const { performanceId, version } of notified)
          noteVersion(received, words.toName(performanceId), version);
        return [...versions].every(([id, version]) => (received.get(id) ?? 1) >= version);
      });
    };

    return {
      /**
       * Makes the calls of a step. Answers what their callers are told, and how every process is
       * told that the seats changed. Throws what the database throws.
       */
      apply: async (step: PlainStep): Promise<Answer & { deltas: Delta[] }> => {
        const done = await actors[0](step);
        assertTold([done]);
        return { results: done.results, deltas: readNotified() };
      },
      /** The same for two steps at the same time. */
      applyTogether: async (
        gate: Gate,
        steps: readonly [PlainStep, PlainStep],
      ): Promise<{ answers: readonly [Answer, Answer]; deltas: Delta[] }> => {
        const { showIds } = words;
        const answers = await runTogether(keeper, [main.pid, second.pid], { kind: gate, showIds }, [
          () => actors[0](steps[0]),
          () => actors[1](steps[1]),
        ]);
        await awaitNotified();
        assertTold(answers);
        return { answers, deltas: readNotified() };
      },
      /** As if another process had meanwhile begun to pay for the same hold. */
      outdate: async (hold: string): Promise<void> => {
        await outdateHold(db, words.toId(hold));
      },
      /** After the history: nothing of it may be noticed in later ones. */
      leave: (): Promise<void> => leaveHolds(db, words),
      /** The id that a name of the history has in the database. */
      toId: words.toId,
      view: (): Promise<View> => readView(db, words, now.seq),
      /** The version of each performance's seats. */
      readVersions: (): Promise<Map<string, number>> => readVersions(db, words),
    };
  };

  return {
    db,
    /** Opens the performances of a house; the history's ids are new ones for the database. */
    start,
    close: async (): Promise<void> => {
      for (const each of [main, second, keeper]) await each.db.close();
    },
  };
};
export type Plays = Awaited<ReturnType<typeof openPlays>>;
export type Player = Awaited<ReturnType<Plays['start']>>;

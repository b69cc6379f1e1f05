import { createHash } from 'node:crypto';
import type { Batcher } from '../batcher.ts';
import { makeBatcher } from '../batcher.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../postgres/sql.ts';

/** The first response to a call, kept 24 hours and returned to retries with the same key. */
export type StoredAnswer = { status: number; contentType: string; body: string };

export type Idempotency = {
  /**
   * Runs `work` unless this key was answered before. `work` must itself be idempotent (ids derived
   * from the key): after a crash between its commit and ours the next retry runs it again, and so
   * does a second process that gets the call at the same time; the response stored first counts.
   */
  once(
    call: { scope: string; key: string; fingerprint: string },
    work: () => Promise<StoredAnswer>,
  ): Promise<
    | { outcome: 'answered'; answer: StoredAnswer; isReplayed: boolean }
    | { outcome: 'running' }
    | { outcome: 'reused' }
  >;
  close(): Promise<void>;
};

export const fingerprintOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('base64url');

/**
 * Not stored: refusals and failures. They changed nothing, so their repeat is decided again; and a
 * lost race, or a flood of useless calls, costs the database nothing.
 */
const isKept = ({ status }: { status: number }): boolean => status < 400;

type Key = { scope: string; key: string };
type Stored = StoredAnswer & { fingerprint: string };

const markOf = ({ scope, key }: Key): string => `${scope}\n${key}`;

const makeFinder = (db: Database, metrics: Metrics, sizeMax: number): Batcher<Key, Stored | null> =>
  makeBatcher({
    name: 'find-answers',
    sizes: metrics.batchSizes,
    sizeMax,
    run: async (items) => {
      const rows = await db.query<{
        i: number;
        fingerprint: string;
        status: number;
        content_type: string;
        body: string;
      }>(
        `SELECT asked.i::int AS i, a.fingerprint, a.status, a.content_type, a.body
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (scope, key, i)
         JOIN platform.answers a ON a.scope = asked.scope AND a.key = asked.key`,
        [items.map((item) => item.scope), items.map((item) => item.key)],
      );
      const found: (Stored | null)[] = items.map(() => null);
      for (const row of rows)
        found[row.i - 1] = {
          fingerprint: row.fingerprint,
          status: row.status,
          contentType: row.content_type,
          body: row.body,
        };
      return found;
    },
  });

/** Returns whether this response is the first that was stored for its call. */
const makeKeeper = (
  db: Database,
  metrics: Metrics,
  sizeMax: number,
): Batcher<Key & Stored, boolean> =>
  makeBatcher({
    name: 'keep-answers',
    sizes: metrics.batchSizes,
    sizeMax,
    run: async (items) => {
      // In key order: otherwise two processes with the same calls could deadlock.
      const kept = await db.query<Key>(
        `INSERT INTO platform.answers (scope, key, fingerprint, status, content_type, body)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])
         AS a (scope, key) ORDER BY a.scope, a.key
         ON CONFLICT DO NOTHING RETURNING scope, key`,
        [
          items.map((item) => item.scope),
          items.map((item) => item.key),
          items.map((item) => item.fingerprint),
          items.map((item) => item.status),
          items.map((item) => item.contentType),
          items.map((item) => item.body),
        ],
      );
      const marks = new Set(kept.map(markOf));
      return items.map((item) => marks.has(markOf(item)));
    },
  });

export const makeIdempotency = (db: Database, metrics: Metrics, sizeMax: number): Idempotency => {
  const running = new Set<string>();
  const finder = makeFinder(db, metrics, sizeMax);
  const keeper = makeKeeper(db, metrics, sizeMax);

  const findOnce = async (call: Key & { fingerprint: string }) => {
    const stored = await finder.add(call);
    if (stored === null) return null;
    if (stored.fingerprint !== call.fingerprint) return { outcome: 'reused' as const };
    return { outcome: 'answered' as const, answer: stored, isReplayed: true };
  };

  return {
    once: async (call, work) => {
      const mark = markOf(call);
      if (running.has(mark)) return { outcome: 'running' };
      running.add(mark);
      try {
        const earlier = await findOnce(call);
        if (earlier !== null) return earlier;
        const answer = await work();
        const fresh = { outcome: 'answered' as const, answer, isReplayed: false };
        if (!isKept(answer) || (await keeper.add({ ...call, ...answer }))) return fresh;
        return (await findOnce(call)) ?? fresh;
      } finally {
        running.delete(mark);
      }
    },
    close: async () => {
      await finder.close();
      await keeper.close();
    },
  };
};

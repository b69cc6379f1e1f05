import { createHash } from 'node:crypto';
import type { Batcher } from '../batcher.ts';
import { makeBatcher } from '../batcher.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../postgres/sql.ts';

/** The first answer to a call, kept 24 hours and given again to a repeat with the same key. */
export type StoredAnswer = { status: number; contentType: string; body: string };

export type Idempotency = {
  /**
   * Runs `work` unless this key was answered before. `work` must itself be safe to repeat (ids made
   * from the key): a crash between its commit and ours makes the next repeat run it again.
   */
  once(
    call: { scope: string; key: string; fingerprint: string },
    work: () => Promise<StoredAnswer>,
  ): Promise<
    | { outcome: 'answered'; answer: StoredAnswer; replayed: boolean }
    | { outcome: 'running' }
    | { outcome: 'reused' }
  >;
  close(): Promise<void>;
};

export const fingerprintOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('base64url');

/**
 * Not kept: answers of calls that changed nothing and may fare better when repeated (conflict, too
 * many, broken). So a lost race for a seat costs the database nothing.
 */
const isKept = (status: number): boolean => status < 500 && status !== 429 && status !== 409;

type Key = { scope: string; key: string };
type Stored = StoredAnswer & { fingerprint: string };

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

const makeKeeper = (db: Database, metrics: Metrics, sizeMax: number): Batcher<Key & Stored, void> =>
  makeBatcher({
    name: 'keep-answers',
    sizes: metrics.batchSizes,
    sizeMax,
    run: async (items) => {
      await db.query(
        `INSERT INTO platform.answers (scope, key, fingerprint, status, content_type, body)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])
         ON CONFLICT DO NOTHING`,
        [
          items.map((item) => item.scope),
          items.map((item) => item.key),
          items.map((item) => item.fingerprint),
          items.map((item) => item.status),
          items.map((item) => item.contentType),
          items.map((item) => item.body),
        ],
      );
      return items.map(() => undefined);
    },
  });

export const makeIdempotency = (
  db: Database,
  metrics: Metrics,
  batchSizeMax: number,
): Idempotency => {
  const running = new Set<string>();
  const finder = makeFinder(db, metrics, batchSizeMax);
  const keeper = makeKeeper(db, metrics, batchSizeMax);
  return {
    once: async ({ scope, key, fingerprint }, work) => {
      const mark = `${scope}\n${key}`;
      if (running.has(mark)) return { outcome: 'running' };
      running.add(mark);
      try {
        const stored = await finder.add({ scope, key });
        if (stored !== null) {
          if (stored.fingerprint !== fingerprint) return { outcome: 'reused' };
          return { outcome: 'answered', answer: stored, replayed: true };
        }
        const answer = await work();
        if (isKept(answer.status)) await keeper.add({ scope, key, fingerprint, ...answer });
        return { outcome: 'answered', answer, replayed: false };
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

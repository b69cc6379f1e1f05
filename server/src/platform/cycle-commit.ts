import { assert } from './failure.ts';
import { type Database, isRolledBack } from './postgres/sql.ts';

/** The answer of a database function: one result for each call, in order, and anything else. */
export type CycleAnswer = { readonly results: readonly unknown[] };

/**
 * One kind of call, decided by one database function.
 *
 * `CREATE FUNCTION seats.take(calls json, ttl interval) RETURNS json` gets a JSON array with one
 * value for each call, in arrival order, and answers `{ "results": [one for each call, in that
 * order], … }`. A refusal is a result: an error rolls back the whole statement, and its calls are
 * repeated in parts. The function must be VOLATILE (the default) to see what the functions before
 * it wrote.
 */
export type CycleKind<Call, Result, Answer extends CycleAnswer> = {
  /** Its name in `usher_batch_size`, and of its column: lower case, with hyphens. */
  name: string;
  /** With its schema: `seats.take`. */
  functionName: string;
  /** Its place among the kinds of a statement, lowest first; no two kinds have the same. */
  rank: number;
  /** One JSON value for each call, in order. Called again when a part is repeated. */
  encode(calls: readonly Call[]): readonly unknown[];
  /** Further arguments of the function, the same for every call, by the names of its parameters. */
  constants?: Readonly<Record<string, string>>;
  decode(result: Answer['results'][number], call: Call): Result;
  /** What the call will lock, as `lockFunction` expects it. */
  readLock?(call: Call): string;
  /** Runs once after each commit, before the callers get their results: what else was answered. */
  onCommit?(answer: Answer): void;
};

export type Waiting<Call, Result> = {
  call: Call;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
};

/** Calls of one kind that go together. Each is answered exactly once: by `finish` or `reject`. */
export type Batch = {
  readonly name: string;
  /** The text of the function's call, with its calls in the parameter of that number. */
  writeCall(parameter: number): string;
  readonly size: number;
  /** The text of a JSON array. Throws if a call cannot be encoded. */
  encode(): string;
  readLocks(): string[];
  /** Gives each caller the result of its call. Never throws: what goes wrong is their error. */
  finish(answer: unknown): void;
  reject(error: unknown): void;
  /** The earlier and the later half. */
  halve(): [Batch, Batch];
};

export const makeBatch = <Call, Result, Answer extends CycleAnswer>(
  kind: CycleKind<Call, Result, Answer>,
  waiting: readonly Waiting<Call, Result>[],
): Batch => {
  const { name, functionName } = kind;
  const constants = Object.entries(kind.constants ?? {}).map(
    ([parameter, value]) => `, ${parameter} => '${value.replaceAll("'", "''")}'`,
  );
  const calls = waiting.map(({ call }) => call);
  const reject = (error: unknown): void => {
    for (const entry of waiting) entry.reject(error);
  };
  /** A result must never go to another call. */
  const checkAnswer = (answer: unknown): Answer => {
    const results: unknown = (answer as Partial<Answer> | null | undefined)?.results;
    const count = Array.isArray(results) ? results.length : 'no list of';
    assert(count === calls.length, `${functionName}: ${count} results for ${calls.length} calls`);
    return answer as Answer;
  };
  return {
    name,
    writeCall: (parameter) => `${functionName}($${parameter}${constants.join('')})`,
    size: waiting.length,
    encode: () => {
      const values = kind.encode(calls);
      assert(values.length === calls.length, `${name}: one value for each call`);
      return JSON.stringify(values);
    },
    readLocks: () => (kind.readLock === undefined ? [] : calls.map(kind.readLock)),
    finish: (answer) => {
      let results: Answer['results'];
      try {
        const checked = checkAnswer(answer);
        kind.onCommit?.(checked);
        results = checked.results;
      } catch (error) {
        reject(error);
        return;
      }
      for (const [i, entry] of waiting.entries()) {
        try {
          entry.resolve(kind.decode(results[i], entry.call));
        } catch (error) {
          entry.reject(error);
        }
      }
    },
    reject,
    halve: () => {
      const middle = Math.ceil(waiting.length / 2);
      return [makeBatch(kind, waiting.slice(0, middle)), makeBatch(kind, waiting.slice(middle))];
    },
  };
};

/** What became of one statement. */
type Sent =
  | { outcome: 'committed'; columns: Readonly<Record<string, unknown>> }
  /** It changed nothing, because of what one of its calls contains or met. */
  | { outcome: 'rolled-back'; error: unknown }
  /** It may have been committed, or sending it again would take as long again. */
  | { outcome: 'failed'; error: unknown };

/** The parts in which to repeat; none for a single call. */
const divide = (batches: readonly Batch[]): Batch[][] => {
  if (batches.length > 1) return batches.map((batch) => [batch]);
  return batches.flatMap((batch) => (batch.size === 1 ? [] : batch.halve().map((half) => [half])));
};

/**
 * Returns a function that commits batches of several kinds together. It resolves when every call
 * has been answered, and never rejects.
 *
 * They go as one statement, in one round trip, with one commit:
 *
 *     SELECT seats.lock_stock($1),
 *       seats.take($2) AS "take-holds", orders.place($3) AS "place-orders"
 *
 * PostgreSQL runs the functions of a select list from left to right, and each statement inside a
 * VOLATILE function sees what the functions before it wrote (cycle.postgres.test.ts). Its manual
 * promises the second, not the first. No result depends on it: calls that wait at the same time may
 * be decided in any order. What does depend on it is that every process locks in the same order,
 * and a deadlock would be repeated. A dispatcher in PL/pgSQL would guarantee the order, but plan
 * each call again.
 *
 * An error stays with its sender: a statement that was rolled back changed nothing, so its calls
 * are repeated by kind, a kind that fails again by halves, and so on down to the single call that
 * fails; it gets the error. One bad call among 256 costs 16 more statements. An error that leaves
 * open whether the statement was committed goes to all its callers and nothing is repeated.
 */
export const makeCommit = (options: {
  db: Pick<Database, 'query'>;
  /** Called first with the sorted locks of all calls, as text[], if there are any. */
  lockFunction: string | null;
  /** Called before the calls of a statement are repeated in parts. */
  onRepeat: () => void;
}): ((batches: readonly Batch[]) => Promise<void>) => {
  const { db, lockFunction, onRepeat } = options;
  /** By the kinds in it, which also decide whether it has locks. A process has few kinds. */
  const texts = new Map<string, string>();
  const readText = (batches: readonly Batch[], hasLocks: boolean): string => {
    const key = batches.map(({ name }) => name).join(' ');
    const known = texts.get(key);
    if (known !== undefined) return known;
    const columns = hasLocks ? [`${lockFunction}($1)`] : [];
    for (const { name, writeCall } of batches)
      columns.push(`${writeCall(columns.length + 1)} AS "${name}"`);
    const text = `SELECT ${columns.join(', ')}`;
    texts.set(key, text);
    return text;
  };

  const send = async (batches: readonly Batch[]): Promise<Sent> => {
    let text: string;
    let params: unknown[];
    try {
      const locks = new Set(batches.flatMap((batch) => batch.readLocks()));
      params = batches.map((batch) => batch.encode());
      if (locks.size > 0) params.unshift([...locks].sort());
      text = readText(batches, locks.size > 0);
    } catch (error) {
      return { outcome: 'rolled-back', error };
    }
    try {
      // Not named, like all our statements; planning a list of calls is a small part of a cycle.
      const [columns] = await db.query<Record<string, unknown>>(text, params);
      return { outcome: 'committed', columns: columns ?? {} };
    } catch (error) {
      return { outcome: isRolledBack(error) ? 'rolled-back' : 'failed', error };
    }
  };

  const commit = async (batches: readonly Batch[]): Promise<void> => {
    const sent = await send(batches);
    if (sent.outcome === 'committed') {
      for (const batch of batches) batch.finish(sent.columns[batch.name]);
      return;
    }
    const parts = sent.outcome === 'rolled-back' ? divide(batches) : [];
    if (parts.length === 0) {
      for (const batch of batches) batch.reject(sent.error);
      return;
    }
    onRepeat();
    // One after another, so that the calls of a kind are still decided in arrival order.
    for (const part of parts) await commit(part);
  };
  return commit;
};

import { assert } from '../failure.ts';
import type { Sql } from './sql.ts';

/** The arguments of a database function, by the names of its parameters. */
type Arguments = Readonly<Record<string, unknown>>;

/**
 * A batch in the form that a function over arrays takes: one array for each parameter, with a value
 * for each request, in their order. Nested arrays must be texts (`{1,2}`): PostgreSQL's arrays of
 * arrays are rectangular.
 */
export const columns = <Request>(
  requests: readonly Request[],
  read: Readonly<Record<string, (request: Request) => unknown>>,
): Arguments =>
  Object.fromEntries(Object.entries(read).map(([name, value]) => [name, requests.map(value)]));

/** The result of a batch: one array for each field, with a value for each request. */
export type Columns<Row> = { readonly [Field in keyof Row]: readonly Row[Field][] };

/**
 * The result of a batch as one row for each request, in their order. Fails if a column has more or
 * fewer values than there were requests: a result must never go to another request.
 */
export const rows = <Row extends object>(answer: Columns<Row>, count: number): Row[] => {
  const fields = Object.entries<readonly unknown[]>(answer);
  for (const [field, values] of fields)
    assert(values.length === count, `${values.length} values of ${field} for ${count} requests`);
  return Array.from(
    { length: count },
    (_, i) => Object.fromEntries(fields.map(([field, values]) => [field, values[i]])) as Row,
  );
};

/** A length of time as a parameter of type `interval`. */
export const milliseconds = (ms: number): string => `${ms} milliseconds`;

/**
 * Calls a database function that returns one value, with named arguments: an argument that is
 * missing or misnamed fails the call instead of taking its neighbour's place.
 */
export const callFunction = async <Answer>(
  db: Sql,
  name: string,
  args: Arguments,
): Promise<Answer> => {
  const names = Object.keys(args).map((parameter, i) => `${parameter} => $${i + 1}`);
  const [row] = await db.query<{ answer: Answer }>(
    `SELECT ${name}(${names.join(', ')}) AS answer`,
    Object.values(args),
  );
  assert(row, `${name} answers`);
  return row.answer;
};

import { assert } from '../failure.ts';
import type { Sql } from './sql.ts';

/** The arguments of a database function, by the names of its parameters. */
type Arguments = Readonly<Record<string, unknown>>;

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

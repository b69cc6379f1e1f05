import { createHash } from 'node:crypto';
import type pg from 'pg';

/** The state changes that are allowed for the rows of a table with a column `state`. */
export type StateMachine = {
  /** In messages, and in platform.moves. */
  name: string;
  table: string;
  /** The column that identifies a row in messages. */
  idColumn: string;
  /** The states in which a row may be inserted. */
  begins: readonly string[];
  /** The states to which each state may move. */
  moves: Readonly<Record<string, readonly string[]>>;
  /** The states in which a row may be deleted. */
  ends: readonly string[];
};

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const arrayOf = (texts: readonly string[]): string =>
  `ARRAY[${texts.map(literal).join(', ')}]::text[]`;

/**
 * The triggers that refuse every move that the machine does not have. Conditions decide, not the
 * function: a legal move costs one look at a short constant list (docs/booking.md has the figures).
 */
const triggersOf = (machine: StateMachine): { name: string; sql: string }[] => {
  const pairs = Object.entries(machine.moves).flatMap(([from, targets]) =>
    targets.map((to) => `${from} ${to}`),
  );
  const make = (name: string, event: string, condition: string) => ({
    name,
    sql: `CREATE OR REPLACE TRIGGER ${name} AFTER ${event} ON ${machine.table} FOR EACH ROW
      WHEN (${condition})
      EXECUTE FUNCTION
        platform.refuse_move(${literal(machine.name)}, ${literal(machine.idColumn)})`,
  });
  return [
    make('refuse_beginning', 'INSERT', `NEW.state <> ALL (${arrayOf(machine.begins)})`),
    make(
      'refuse_move',
      'UPDATE OF state',
      `OLD.state <> NEW.state AND OLD.state || ' ' || NEW.state <> ALL (${arrayOf(pairs)})`,
    ),
    make('refuse_end', 'DELETE', `OLD.state <> ALL (${arrayOf(machine.ends)})`),
  ];
};

const rowsOf = ({ begins, moves, ends }: StateMachine): [string | null, string | null][] => [
  ...begins.map((to): [null, string] => [null, to]),
  ...Object.entries(moves).flatMap(([from, targets]) =>
    targets.map((to): [string, string] => [from, to]),
  ),
  ...ends.map((from): [string, null] => [from, null]),
];

/**
 * Writes the moves of each machine into platform.moves and creates the triggers that refuse all
 * others. A machine that is up to date is left alone: creating a trigger waits for the table's
 * writers.
 */
export const refreshMoves = async (
  client: pg.Client,
  machines: readonly StateMachine[],
): Promise<void> => {
  for (const machine of machines) {
    const triggers = triggersOf(machine);
    const digest = createHash('sha256')
      .update(JSON.stringify([machine, triggers]))
      .digest('hex');
    const found = await client.query(
      `SELECT FROM pg_trigger t
       WHERE t.tgrelid = $1::regclass AND obj_description(t.oid, 'pg_trigger') = $2`,
      [machine.table, digest],
    );
    if (found.rowCount === triggers.length) continue;
    await client.query('BEGIN');
    for (const { name, sql } of triggers) {
      await client.query(sql);
      await client.query(`COMMENT ON TRIGGER ${name} ON ${machine.table} IS '${digest}'`);
    }
    const rows = rowsOf(machine);
    await client.query('DELETE FROM platform.moves WHERE machine = $1', [machine.name]);
    await client.query(
      `INSERT INTO platform.moves (machine, from_state, to_state)
       SELECT $1, m.* FROM unnest($2::text[], $3::text[]) AS m (from_state, to_state)`,
      [machine.name, rows.map(([from]) => from), rows.map(([, to]) => to)],
    );
    await client.query('COMMIT');
  }
};

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { readRoutines } from '../../server/src/platform/postgres/routines.ts';
import { readTree } from '../../server/tidy/source.ts';
import { afterThisFile } from '../support/after-file.ts';
import { makeTestDatabase } from '../support/postgres.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/booking.md'), 'utf8');
const schemas = ['seats', 'orders', 'payments', 'tickets'];

const { url } = await makeTestDatabase();
const client = new pg.Client({ connectionString: url });
await client.connect();
afterThisFile(() => client.end());

/** The rows of the table below a heading, as cells. */
const readTable = (text: string, heading: string): string[][] => {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (.*) \|$/gm)]
    .map(([, cells]) => (cells ?? '').split(' | '))
    .slice(1);
};
const namesIn = (text: string): string[] =>
  [...text.matchAll(/`([a-z]+\.[a-z_]+)`/g)]
    .map(([, name]) => name ?? '')
    .filter((name) => schemas.includes(name.split('.')[0] ?? ''));

/** How the page differs from the database catalogue, in both directions. */
const compareFunctions = async (text: string) => {
  const { rows } = await client.query<{ name: string }>(
    `SELECT n.nspname || '.' || p.proname AS name FROM pg_proc p
     JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($1)`,
    [schemas],
  );
  const existing = new Set(rows.map(({ name }) => name));
  const listed = readTable(text, 'Functions and locks').flatMap(([cell]) => namesIn(cell ?? ''));
  const named = namesIn(text);
  return {
    notListed: [...existing].filter((name) => !listed.includes(name)),
    listedTwice: listed.filter((name, i) => listed.indexOf(name) !== i),
    unknown: named.filter((name) => !existing.has(name)),
  };
};

describe('docs/booking.md', () => {
  test('lists every function of the booking schemas once, and no other', async () => {
    expect(await compareFunctions(page)).toEqual({ notListed: [], listedTwice: [], unknown: [] });
  });

  test('would be caught with a function missing, or with one that does not exist', async () => {
    const planted = page
      .replace('| `seats.free` | – |', '| `seats.liberate` | – |')
      .replace('| `seats.sell`, ', '| `seats.take`, ');
    expect(await compareFunctions(planted)).toEqual({
      notListed: ['seats.free', 'seats.sell'],
      listedTwice: ['seats.take'],
      unknown: ['seats.liberate'],
    });
  });

  test('lists exactly the moves of the database', async () => {
    const { rows } = await client.query<{ move: string }>(
      `SELECT machine || ': ' || coalesce(from_state, 'nothing') || ' → '
         || coalesce(to_state, 'nothing') AS move FROM platform.moves`,
    );
    const listed = readTable(page, 'Moves').map(([machine, move]) => `${machine}: ${move}`);
    expect(listed.toSorted()).toEqual(rows.map(({ move }) => move).toSorted());
  });

  test('names only files that exist', () => {
    const files = [...page.matchAll(/`([\w./-]+\.(?:sql|ts))`/g)].map(([, file]) => file ?? '');
    expect(files.length).toBeGreaterThan(15);
    const lost = files.filter(
      (file) => !['', 'server/src/services/'].some((top) => existsSync(join(root, top + file))),
    );
    expect(lost).toEqual([]);
  });
});

/**
 * Compares a function's callers by its header with those in all functions and in the program, which
 * names a function in quotes or calls it in a statement.
 */
const compareCallers = (
  routines: readonly { name: string; text: string }[],
  program: string,
): string[] => {
  const functionOf = (file: string): string =>
    file.replace('.sql', '').replaceAll('-', '_').replace('/', '.');
  const withoutComments = (text: string): string => text.replaceAll(/--[^\n]*/g, '');
  return routines
    .filter(({ name }) => schemas.includes(name.split('/')[0] ?? ''))
    .flatMap(({ name, text }) => {
      const called = functionOf(name);
      const header = (/^-- Called by: ((?:.|\n-- (?!\w+: ))*)/m.exec(text)?.[1] ?? '').split(
        /[\s,.]*(?:,|\n--|\.$)\s*/,
      );
      const said = header.flatMap((part) => {
        if (part.startsWith('the program')) return ['the program'];
        return /^[a-z]+\.[a-z_]+$/.test(part) ? [part] : [];
      });
      const callers = routines
        .filter((other) => other.name !== name)
        .filter((other) => withoutComments(other.text).includes(`${called}(`))
        .map((other) => functionOf(other.name));
      if (program.includes(`'${called}'`) || program.includes(`${called}(`))
        callers.push('the program');
      const [told, found] = [said.toSorted().join(', '), callers.toSorted().join(', ')];
      return told === found ? [] : [`${called}: header ${told}; really ${found}`];
    });
};

describe('the header of a booking function', () => {
  const program = [...schemas.map((service) => `services/${service}/store.ts`), 'app.ts']
    .map((path) => readFileSync(join(root, 'server/src', path), 'utf8'))
    .join('\n');

  test('names its callers', async () => {
    const routines = await readRoutines();
    expect(compareCallers(routines, program)).toEqual([]);
  });

  test('would be caught with a caller missing', async () => {
    const routines = (await readRoutines()).map(({ name, text }) => ({
      name,
      text: text.replace(
        '-- Called by: seats.end_holds, seats.block.',
        '-- Called by: seats.block.',
      ),
    }));
    expect(compareCallers(routines, program)).toEqual([
      'seats.free: header seats.block; really seats.block, seats.end_holds',
    ]);
  });
});

describe('only seats.free frees a seat', () => {
  const frees = /\b(?:delete\s+from|truncate)\s+(?:table\s+)?(?:only\s+)?seats\s*\.\s*claims\b/i;
  /** Functions of the database that delete claims. */
  const findInCatalogue = async (): Promise<string[]> => {
    const { rows } = await client.query<{ name: string; source: string }>(
      `SELECT n.nspname || '.' || p.proname AS name, p.prosrc AS source FROM pg_proc p
       JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    );
    expect(rows.length).toBeGreaterThan(30);
    return rows.filter(({ source }) => frees.test(source)).map(({ name }) => name);
  };

  test('among the functions in the database', async () => {
    expect(await findInCatalogue()).toEqual(['seats.free']);
  });

  test('in all SQL of the program’s source', () => {
    const product = readTree(root).filter(
      ({ path }) => /\.(?:sql|[jt]s)$/.test(path) && !/^tests\/|\.test\.ts$/.test(path),
    );
    expect(product.length).toBeGreaterThan(200);
    const found = product.filter(({ text }) => frees.test(text)).map(({ path }) => path);
    expect(found).toEqual(['server/src/services/seats/sql/free.sql']);
  });

  test('and another function that frees seats would be caught', async () => {
    await client.query('BEGIN');
    await client.query(
      `CREATE FUNCTION orders.free_quietly() RETURNS void LANGUAGE plpgsql AS $$
       BEGIN delete from only seats.claims c WHERE c.hold_id IS NULL; END $$`,
    );
    expect((await findInCatalogue()).toSorted()).toEqual(['orders.free_quietly', 'seats.free']);
    await client.query('ROLLBACK');
  });
});

import { describe, expect, test } from 'vitest';
import { applyEdit } from './edits.ts';
import { mutateSql } from './sql.ts';

/** The changes of statements in a function, as `operator: from → to`. */
const list = (body: string): string[] =>
  mutateSql(`CREATE FUNCTION f() AS $$\n${body}\n$$;`).map(
    ({ operator, from, to }) => `${operator}: ${from} → ${to}`,
  );

describe('the mutations of a database function', () => {
  test('drop each term of a WHERE and invert each comparison', () => {
    expect(list("DELETE FROM c WHERE c.id = 1 AND c.state = 'held' RETURNING c.id;")).toEqual([
      'drop: c.id = 1 → ',
      "drop: c.state = 'held' → ",
      'compare: c.id = 1 → c.id <> 1',
      "compare: c.state = 'held' → c.state <> 'held'",
    ]);
  });

  test('leave a valid statement when a term is dropped', () => {
    const text = '$$ SELECT 1 FROM a WHERE x AND y -- why\n  AND z GROUP BY w; $$';
    const dropped = mutateSql(text)
      .filter(({ operator }) => operator === 'drop')
      .map((edit) => applyEdit(text, edit));
    expect(dropped).toEqual([
      '$$ SELECT 1 FROM a WHERE y -- why\n  AND z GROUP BY w; $$',
      '$$ SELECT 1 FROM a WHERE x -- why\n  AND z GROUP BY w; $$',
      '$$ SELECT 1 FROM a WHERE x AND y GROUP BY w; $$',
    ]);
  });

  test('move the boundary of a comparison of numbers, and invert one with the clock', () => {
    expect(list('IF n < 4 THEN RETURN 1; END IF;')).toContain('compare: n < 4 → n <= 4');
    expect(list('IF h.deadline <= now_at THEN RETURN 1; END IF;')).toContain(
      'compare: h.deadline <= now_at → h.deadline > now_at',
    );
  });

  test('make a choice always and never, which also drops an assertion', () => {
    expect(list("IF found <> wanted THEN RAISE EXCEPTION 'no'; END IF;")).toEqual([
      'compare: found <> wanted → found = wanted',
      'set: found <> wanted → TRUE',
      'set: found <> wanted → FALSE',
    ]);
    expect(list('CONTINUE WHEN done; EXIT outer WHEN done;')).toEqual([
      'set: done → TRUE',
      'set: done → FALSE',
      'set: done → TRUE',
      'set: done → FALSE',
    ]);
  });

  test('find the arms of a CASE with conditions, and of one with values', () => {
    expect(list("SELECT CASE WHEN a > 1 AND b THEN 'x' ELSE 'y' END;")).toEqual([
      'drop: a > 1 → ',
      'drop: b → ',
      'compare: a > 1 → a >= 1',
      'set: a > 1 AND b → TRUE',
      'set: a > 1 AND b → FALSE',
    ]);
    expect(list("SELECT CASE state WHEN 'A' THEN 1 ELSE 2 END;")).toEqual(["set: 'A' → NULL"]);
  });

  test('keep a BETWEEN whole, and what is inside a query or a CASE apart', () => {
    expect(list('SELECT 1 FROM a WHERE x BETWEEN 1 AND 9 AND y;')).toEqual([
      'drop: x BETWEEN 1 AND 9 → ',
      'drop: y → ',
    ]);
    expect(
      list('SELECT 1 FROM a WHERE NOT EXISTS (SELECT FROM b WHERE b.x = a.x OR b.y);'),
    ).toEqual([
      'affirm: NOT EXISTS (SELECT FROM b WHERE b.x = a.x OR b.y) → ' +
        'EXISTS (SELECT FROM b WHERE b.x = a.x OR b.y)',
      'drop: b.x = a.x → ',
      'drop: b.y → ',
      'compare: b.x = a.x → b.x <> a.x',
    ]);
  });

  test('go into groups in parentheses', () => {
    expect(list('UPDATE a SET x = 1 WHERE p AND (q OR NOT (r = 1 AND s));')).toEqual([
      'drop: p → ',
      'drop: (q OR NOT (r = 1 AND s)) → ',
      'drop: q → ',
      'drop: NOT (r = 1 AND s) → ',
      'affirm: NOT (r = 1 AND s) → (r = 1 AND s)',
      'drop: r = 1 → ',
      'drop: s → ',
      'compare: r = 1 → r <> 1',
    ]);
  });

  test('know the negations of SQL', () => {
    expect(list('SELECT 1 FROM a JOIN b ON a.x = ANY (b.xs) WHERE y IS NULL;')).toEqual([
      'compare: a.x = ANY (b.xs) → a.x <> ALL (b.xs)',
      'compare: y IS NULL → y IS NOT NULL',
    ]);
    expect(list("SELECT 1 FROM a WHERE x <> ALL (xs) OR s IN ('A') OR t IS NOT NULL;")).toEqual(
      expect.arrayContaining([
        'compare: x <> ALL (xs) → x = ANY (xs)',
        "compare: s IN ('A') → s NOT IN ('A')",
        'compare: t IS NOT NULL → t IS NULL',
      ]),
    );
  });

  test('drop a filter, a lock, and the skipping of locked rows', () => {
    expect(list('SELECT count(*) FILTER (WHERE paid) FROM a;')).toEqual(['set: paid → TRUE']);
    expect(list('PERFORM 1 FROM a WHERE b FOR UPDATE OF a SKIP LOCKED;')).toEqual([
      'drop: FOR UPDATE OF a SKIP LOCKED → ',
      'drop: FOR UPDATE OF a SKIP LOCKED → FOR UPDATE OF a',
    ]);
  });

  test('leave assignments, strings, comments, handlers and ORDER BY alone', () => {
    expect(
      list(`BEGIN
        -- WHERE a = b
        x := 'IF a = b THEN';
        UPDATE a SET y = 1, z = left(w, 2);
        INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING;
        SELECT 1 FROM a LEFT JOIN b ON true ORDER BY a.x = b.x;
      EXCEPTION WHEN unique_violation THEN RETURN f(named => 1);
      END`),
    ).toEqual([]);
  });
});

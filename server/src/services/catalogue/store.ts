import type { Category } from '@usher/domain/categories.ts';
import type { LadderName } from '@usher/domain/fee-ladder.ts';
import type { SearchNeedles } from '@usher/domain/search-text.ts';
import type { SaleState } from '@usher/domain/show-rules.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { addJob } from '../../platform/jobs.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import { openingDelayMs } from './limits.ts';

/** The contents of the catalogue's tables, as the rest of the service sees them. */
export type Grade = {
  readonly code: string;
  readonly name: LocalText;
  readonly priceMinor: number;
};
export type ShowFields = {
  readonly title: LocalText;
  readonly synopsis: LocalText;
  readonly category: Category;
  readonly runningTimeMinutes: number;
  readonly ageLimit: number;
  readonly grades: readonly Grade[];
  readonly ladder: LadderName;
  readonly saleOpensAtMs: number;
  readonly saleClosesAtMs: number;
  readonly buyerLimit: number;
  readonly refusesStranding: boolean;
  /** Tickets show who bought them. */
  readonly namesBuyer: boolean;
};
export type Show = ShowFields & {
  readonly id: string;
  readonly ownerId: string;
  readonly venueId: string;
  readonly posterVersion: string;
  readonly firstStartsAtMs: number | null;
  readonly lastStartsAtMs: number | null;
};
/** What is written together with a show's fields. */
export type ShowExtras = {
  /** Null: drawn from the title. */
  readonly posterSvg: string | null;
  readonly posterVersion: string;
  readonly searchText: string;
  readonly searchGrams: readonly string[];
};
export type Performance = {
  readonly id: string;
  readonly startsAtMs: number;
  readonly round: number;
  readonly seatingPlanId: string;
  readonly layoutVersion: string;
  readonly paintingVersion: string;
};
export type Summary = Pick<
  Show,
  | 'id'
  | 'title'
  | 'category'
  | 'venueId'
  | 'saleOpensAtMs'
  | 'saleClosesAtMs'
  | 'posterVersion'
  | 'firstStartsAtMs'
  | 'lastStartsAtMs'
> & { readonly lowestPriceMinor: number; readonly createdAtMs: number };
/** What changes with every buyer. */
export type Counts = { readonly likes: number; readonly soldOut: boolean };

/** Instants are in milliseconds, like in the API. */
const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

/** `lock`: the show is about to be edited; nobody else can edit it until the transaction ends. */
export const findShow = async (sql: Sql, showId: string, lock?: 'lock'): Promise<Show | null> => {
  const rows = await sql.query<{ show: Show }>(
    `SELECT jsonb_build_object('id', s.id, 'ownerId', s.owner_id, 'title', s.title,
       'synopsis', s.synopsis, 'category', s.category, 'ladder', s.ladder,
       'runningTimeMinutes', s.running_time_minutes, 'ageLimit', s.age_limit,
       'saleOpensAtMs', ${ms('s.sale_opens_at')}, 'saleClosesAtMs', ${ms('s.sale_closes_at')},
       'buyerLimit', s.buyer_limit, 'refusesStranding', s.refuses_stranding,
       'namesBuyer', s.names_buyer,
       'posterVersion', s.poster_version,
       'firstStartsAtMs', ${ms("NULLIF(s.first_starts_at, 'infinity')")},
       'lastStartsAtMs', ${ms('s.last_starts_at')}, 'venueId', s.venue_id,
       'grades', (SELECT jsonb_agg(jsonb_build_object('code', g.code, 'name', g.name,
          'priceMinor', g.price_minor) ORDER BY g.position)
         FROM catalogue.grades g WHERE g.show_id = s.id)) AS show
     FROM catalogue.shows s WHERE s.id = $1 ${lock === undefined ? '' : 'FOR UPDATE OF s'}`,
    [showId],
  );
  return rows[0]?.show ?? null;
};

export const findPosterSvg = async (sql: Sql, showId: string): Promise<string | null> => {
  const query = 'SELECT poster_svg AS svg FROM catalogue.shows WHERE id = $1';
  const rows = await sql.query<{ svg: string | null }>(query, [showId]);
  return rows[0]?.svg ?? null;
};

/** Writes all fields of a show, new or existing; deletes grades that an edit leaves out. */
export const writeShow = async (
  tx: Sql,
  show: ShowFields & { id: string; ownerId: string; venueId: string },
  extras: ShowExtras,
  nowMs: number,
): Promise<void> => {
  const values = {
    id: show.id,
    owner_id: show.ownerId,
    venue_id: show.venueId,
    title: show.title,
    synopsis: show.synopsis,
    category: show.category,
    running_time_minutes: show.runningTimeMinutes,
    age_limit: show.ageLimit,
    ladder: show.ladder,
    sale_opens_at: new Date(show.saleOpensAtMs),
    sale_closes_at: new Date(show.saleClosesAtMs),
    buyer_limit: show.buyerLimit,
    refuses_stranding: show.refusesStranding,
    names_buyer: show.namesBuyer,
    poster_svg: extras.posterSvg,
    poster_version: extras.posterVersion,
    lowest_price_minor: Math.min(...show.grades.map((grade) => grade.priceMinor)),
    currency: 'KRW',
    search_text: extras.searchText,
    search_grams: extras.searchGrams,
    created_at: new Date(nowMs),
  };
  const names = Object.keys(values);
  const changed = names.filter((name) => !/^(?:id|owner_id|venue_id|created_at)$/.test(name));
  await tx.query(
    `INSERT INTO catalogue.shows (${names.join(', ')})
     VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})
     ON CONFLICT (id) DO UPDATE SET
       ${changed.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    Object.values(values),
  );
  await tx.query(
    `WITH counts AS (
       INSERT INTO catalogue.show_counts (show_id) VALUES ($1) ON CONFLICT DO NOTHING
     )
     DELETE FROM catalogue.grades WHERE show_id = $1`,
    [show.id],
  );
  await tx.query(
    `INSERT INTO catalogue.grades (show_id, code, position, name, price_minor, currency)
     SELECT $1, g.code, g.position, g.name, g.price_minor, 'KRW'
     FROM unnest($2::text[], $3::jsonb[], $4::bigint[])
       WITH ORDINALITY AS g (code, name, price_minor, position)`,
    [
      show.id,
      show.grades.map((grade) => grade.code),
      show.grades.map((grade) => JSON.stringify(grade.name)),
      show.grades.map((grade) => grade.priceMinor),
    ],
  );
  await planOpening(tx, { showId: show.id, saleOpensAtMs: show.saleOpensAtMs });
};

/** A show's performances by start. */
export const listPerformances = async (sql: Sql, showId: string): Promise<Performance[]> => {
  const rows = await sql.query<{ performance: Performance }>(
    `SELECT jsonb_build_object('id', f.id, 'startsAtMs', ${ms('f.starts_at')}, 'round', f.round,
       'seatingPlanId', f.seating_plan_id, 'layoutVersion', f.layout_version,
       'paintingVersion', f.painting_version) AS performance
     FROM catalogue.performances f WHERE f.show_id = $1 ORDER BY f.starts_at, f.id`,
    [showId],
  );
  return rows.map((row) => row.performance);
};

export const findShowOfPerformance = async (
  sql: Sql,
  performanceId: string,
): Promise<string | null> => {
  const rows = await sql.query<{ show_id: string }>(
    'SELECT show_id FROM catalogue.performances WHERE id = $1',
    [performanceId],
  );
  return rows[0]?.show_id ?? null;
};

/**
 * Writes a show's performances, including existing ones with a new round, and its first and last.
 */
export const writePerformances = async (
  tx: Sql,
  show: { id: string; seatingPlanId: string; layoutVersion: string; paintingVersion: string },
  performances: readonly { id: string; startsAtMs: number; round: number }[],
): Promise<void> => {
  await tx.query(
    `INSERT INTO catalogue.performances
       (id, show_id, starts_at, round, seating_plan_id, layout_version, painting_version)
     SELECT f.id, $1, f.starts_at, f.round, $2, $3, $4
     FROM unnest($5::text[], $6::timestamptz[], $7::int[]) AS f (id, starts_at, round)
     ON CONFLICT (id) DO UPDATE SET round = excluded.round
     WHERE performances.round <> excluded.round`,
    [
      show.id,
      show.seatingPlanId,
      show.layoutVersion,
      show.paintingVersion,
      performances.map((each) => each.id),
      performances.map((each) => new Date(each.startsAtMs)),
      performances.map((each) => each.round),
    ],
  );
  await tx.query(
    `UPDATE catalogue.shows SET (first_starts_at, last_starts_at) =
       (SELECT min(f.starts_at), max(f.starts_at)
        FROM catalogue.performances f WHERE f.show_id = $1)
     WHERE id = $1`,
    [show.id],
  );
};

const summaryJson = `jsonb_build_object('id', s.id, 'title', s.title, 'category', s.category,
  'venueId', s.venue_id, 'posterVersion', s.poster_version,
  'saleOpensAtMs', ${ms('s.sale_opens_at')}, 'saleClosesAtMs', ${ms('s.sale_closes_at')},
  'firstStartsAtMs', ${ms("NULLIF(s.first_starts_at, 'infinity')")},
  'lastStartsAtMs', ${ms('s.last_starts_at')}, 'lowestPriceMinor', s.lowest_price_minor,
  'createdAtMs', ${ms('s.created_at')})`;
const readSummaries = async (
  sql: Sql,
  from: string,
  params: readonly unknown[],
): Promise<Summary[]> => {
  const rows = await sql.query<{ summary: Summary }>(
    `SELECT ${summaryJson} AS summary FROM ${from}`,
    params,
  );
  return rows.map(({ summary }) => summary);
};

export type Sort = 'starting' | 'opening' | 'newest';
const sorts: Record<Sort, [key: string, order: 'ASC' | 'DESC', after: '>' | '<']> = {
  starting: ['s.first_starts_at', 'ASC', '>'],
  opening: ['s.sale_opens_at', 'ASC', '>'],
  newest: ['s.created_at', 'DESC', '<'],
};
const sales: Record<SaleState | 'NOT_CLOSED', string> = {
  UPCOMING: 's.sale_opens_at > $1 AND s.sale_ends_at > $1',
  ON_SALE: 's.sale_opens_at <= $1 AND s.sale_ends_at > $1 AND NOT c.sold_out',
  SOLD_OUT: 's.sale_opens_at <= $1 AND s.sale_ends_at > $1 AND c.sold_out',
  CLOSED: 's.sale_ends_at <= $1',
  NOT_CLOSED: 's.sale_ends_at > $1',
};

export type ShowQuery = {
  readonly sort: Sort;
  readonly sale: SaleState | 'NOT_CLOSED';
  readonly category: Category | null;
  readonly search: SearchNeedles | null;
  /** The sort's instant (null: no performance yet) and id of the last show before the page. */
  readonly after: readonly [keyMs: number | null, id: string] | null;
  readonly limit: number;
};

/**
 * Shows in an order that inserts do not shift. The grams find the few rows that may match (GIN),
 * the needles decide; both are parameters, so no character of a query is special to the database.
 * About 1 ms among 10,000 shows.
 */
export const listShows = async (sql: Sql, query: ShowQuery, nowMs: number): Promise<Summary[]> => {
  const { sort, sale, category, search, after, limit } = query;
  const [key, order, isAfter] = sorts[sort];
  const params: unknown[] = [new Date(nowMs)];
  const param = (value: unknown): string => `$${params.push(value)}`;
  const conditions = [sales[sale]];
  if (category !== null) conditions.push(`s.category = ${param(category)}`);
  if (search !== null)
    conditions.push(
      `s.search_grams @> ${param(search.grams)}::text[] AND NOT EXISTS (
         SELECT FROM unnest(${param(search.needles)}::text[]) AS n (needle)
         WHERE strpos(s.search_text, n.needle) = 0)`,
    );
  if (after !== null) {
    const at = param(after[0] === null ? 'infinity' : new Date(after[0]));
    conditions.push(`(${key}, s.id) ${isAfter} (${at}::timestamptz, ${param(after[1])})`);
  }
  return readSummaries(
    sql,
    `catalogue.shows s JOIN catalogue.show_counts c ON c.show_id = s.id
     WHERE ${conditions.join(' AND ')}
     ORDER BY ${key} ${order}, s.id ${order} LIMIT ${param(limit)}`,
    params,
  );
};

export const findSummaries = (sql: Sql, showIds: readonly string[]): Promise<Summary[]> =>
  readSummaries(sql, 'catalogue.shows s WHERE s.id = ANY ($1)', [showIds]);

/** What an account likes, newest like first, after a position in that order. */
export const listLikes = (
  sql: Sql,
  accountId: string,
  after: readonly [likedAtMs: number, showId: string] | null,
  limit: number,
): Promise<{ likedAtMs: number; summary: Summary }[]> =>
  sql.query(
    `SELECT ${ms('k.liked_at')} AS "likedAtMs", ${summaryJson} AS summary
     FROM catalogue.likes k JOIN catalogue.shows s ON s.id = k.show_id
     WHERE k.account_id = $1
       AND ($2::timestamptz IS NULL OR (k.liked_at, k.show_id) < ($2, $3))
     ORDER BY k.liked_at DESC, k.show_id DESC LIMIT $4`,
    [accountId, after === null ? null : new Date(after[0]), after?.[1], limit],
  );

type CountsRow = Counts & { readonly showId: string };
const countsColumns = `c.show_id AS "showId", c.likes, c.sold_out AS "soldOut"`;

/** Adds or removes a like; returns the new counts, or null if nothing changed. */
export const writeLike = async (
  sql: Sql,
  like: { accountId: string; showId: string; isLiked: boolean },
  nowMs: number,
): Promise<Counts | null> => {
  // Marked as notified if the sale is already open: the buyer sees that.
  const change = like.isLiked
    ? `INSERT INTO catalogue.likes (account_id, show_id, liked_at, told_at)
       SELECT $1, s.id, $3, CASE WHEN s.sale_opens_at <= $3 THEN $3 END
       FROM catalogue.shows s WHERE s.id = $2 ON CONFLICT DO NOTHING RETURNING 1`
    : 'DELETE FROM catalogue.likes WHERE account_id = $1 AND show_id = $2 RETURNING -1';
  const rows = await sql.query<CountsRow>(
    `WITH change (by) AS (${change})
     UPDATE catalogue.show_counts c SET likes = c.likes + change.by, changed_at = clock_timestamp()
     FROM change WHERE c.show_id = $2 AND $3::timestamptz IS NOT NULL RETURNING ${countsColumns}`,
    [like.accountId, like.showId, new Date(nowMs)],
  );
  return rows[0] ?? null;
};

/** The counts that changed since an instant of the database's clock, or all, and its clock now. */
export const readCounts = async (
  sql: Sql,
  sinceMs: number | null,
): Promise<{ counts: CountsRow[]; readAtMs: number }> => {
  const rows = await sql.query<CountsRow & { readAtMs: number }>(
    `SELECT ${countsColumns}, ${ms('clock.now')} AS "readAtMs"
     FROM (SELECT clock_timestamp() AS now) clock LEFT JOIN catalogue.show_counts c
       ON c.changed_at >= coalesce($1::timestamptz, '-infinity')`,
    [sinceMs === null ? null : new Date(sinceMs)],
  );
  return { counts: rows.filter(({ showId }) => showId !== null), readAtMs: rows[0]?.readAtMs ?? 0 };
};

export const writeSoldOut = async (
  sql: Sql,
  shows: readonly { showId: string; soldOut: boolean }[],
): Promise<void> => {
  await sql.query(
    `UPDATE catalogue.show_counts c SET sold_out = n.sold_out, changed_at = clock_timestamp()
     FROM unnest($1::text[], $2::boolean[]) AS n (show_id, sold_out)
     WHERE c.show_id = n.show_id AND c.sold_out <> n.sold_out`,
    [shows.map((show) => show.showId), shows.map((show) => show.soldOut)],
  );
};

/**
 * Shows that may have become sold out or available without an order: sold out ones (a hold may have
 * lapsed), and those with a performance that has begun since (the others may be sold out).
 */
export const listSoldOutToCheck = (
  sql: Sql,
  nowMs: number,
  sinceMs: number,
): Promise<{ showId: string }[]> =>
  sql.query(
    `SELECT s.id AS "showId" FROM catalogue.shows s JOIN catalogue.show_counts c ON c.show_id = s.id
     WHERE c.sold_out AND s.sale_ends_at > $1
     UNION SELECT f.show_id FROM catalogue.performances f WHERE f.starts_at BETWEEN $2 AND $1`,
    [new Date(nowMs), new Date(sinceMs)],
  );

/** Due at the opening of a show's sale. */
export const tellOpeningJob = 'catalogue-tell-opening';

/** Writes the job that notifies those who like a show; there is one for each show. */
export const planOpening = (
  sql: Sql,
  { showId, saleOpensAtMs }: { readonly showId: string; readonly saleOpensAtMs: number },
): Promise<void> =>
  addJob(sql, {
    name: tellOpeningJob,
    payload: { showId },
    runAt: new Date(saleOpensAtMs + openingDelayMs),
    key: `${tellOpeningJob} ${showId}`,
    // Before the mails that wait: it takes some milliseconds.
    priority: -10,
  });

/** Shows whose sale opens after an instant and until another. */
export const listOpeningSoon = (
  sql: Sql,
  fromMs: number,
  toMs: number,
): Promise<{ showId: string; saleOpensAtMs: number }[]> =>
  sql.query(
    `SELECT s.id AS "showId", ${ms('s.sale_opens_at')} AS "saleOpensAtMs"
     FROM catalogue.shows s WHERE s.sale_opens_at > $1 AND s.sale_opens_at <= $2`,
    [new Date(fromMs), new Date(toMs)],
  );

/**
 * Marks likes of opened sales as notified and returns them; no other process gets them, too.
 * `showId` null: of all shows.
 */
export const takeUntold = (
  tx: Sql,
  { showId, nowMs, limit }: { showId: string | null; nowMs: number; limit: number },
): Promise<{ accountId: string; showId: string }[]> =>
  tx.query(
    `UPDATE catalogue.likes k SET told_at = $1
     FROM (SELECT u.account_id, u.show_id
           FROM catalogue.shows s JOIN catalogue.likes u ON u.show_id = s.id
           WHERE s.sale_opens_at <= $1 AND s.sale_ends_at > $1 AND u.told_at IS NULL
             AND ($3::text IS NULL OR s.id = $3)
           LIMIT $2 FOR UPDATE OF u SKIP LOCKED) open
     WHERE k.account_id = open.account_id AND k.show_id = open.show_id
     RETURNING k.account_id AS "accountId", k.show_id AS "showId"`,
    [new Date(nowMs), limit, showId],
  );

/**
 * Notifies every process, including this one, that a show changed; sent when the transaction
 * commits.
 */
export const noteChange = async (
  tx: Sql,
  by: { accountId: string; requestId: string },
  action: string,
  showId: string,
  details: object,
): Promise<void> => {
  await tx.query(
    `WITH audit AS (
       INSERT INTO catalogue.audit (account_id, action, subject_id, request_id, details)
       VALUES ($1, $2, $3, $4, $5))
     SELECT pg_notify('catalogue_changed', $3)`,
    [by.accountId, action, showId, by.requestId, details],
  );
};

export const isSeeded = async (sql: Sql, name: string): Promise<boolean> =>
  (await sql.query('SELECT FROM catalogue.seeds WHERE name = $1', [name])).length > 0;

export const noteSeeded = async (sql: Sql, name: string): Promise<void> => {
  await sql.query('INSERT INTO catalogue.seeds (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
};

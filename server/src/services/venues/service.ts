import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  compileLayout,
  type Layout,
  type LayoutDocument,
  layoutVersion,
} from '@usher/domain/layout.ts';
import { type CsvSeatRow, layoutFromCsv } from '@usher/domain/layout-csv.ts';
import { layoutFaults } from '@usher/domain/layout-faults.ts';
import type { LocalText } from '@usher/domain/text.ts';
import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { makeCache } from '../../platform/cache.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import { makeThread } from '../../platform/thread.ts';
import * as numbers from './limits.ts';
import { findLayout, findVenue, insertVenue, listVenues, type Venue } from './store.ts';

export type PlanLayout = {
  readonly layout: Layout;
  readonly version: string;
  /** The layout document as sent, plain and compressed. */
  readonly json: Buffer;
  readonly gzip: Buffer;
};

/** What other services may ask. Answers from memory; only what was never asked for is read. */
export type VenuesService = {
  venue(venueId: string): Promise<Venue | null>;
  layout(seatingPlanId: string): Promise<PlanLayout | null>;
  /** Makes a venue from a document; one without faults, or it is a bug of the caller. */
  add(maker: Maker, house: House & { readonly plan: LayoutDocument }): Promise<Venue>;
};

/** Who makes a venue. The same key makes the same venue: a repeat makes no second one. */
export type Maker = {
  readonly accountId: string;
  readonly requestId: string;
  readonly key: string | null;
};
export type House = {
  readonly name: LocalText;
  readonly address: LocalText;
  readonly timeZone: string;
};
export type FileFault = { readonly path: string; readonly message: string };

/** What this service's own routes ask besides. */
export type Venues = VenuesService & {
  list(after: readonly [number, string] | null, limit: number): Promise<Venue[]>;
  importCsv(
    maker: Maker,
    house: House,
    seatsCsv: string,
  ): Promise<
    | { outcome: 'made'; venue: Venue }
    | { outcome: 'layout-refused'; faults: FileFault[] }
    | { outcome: 'unknown-time-zone' }
  >;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
const compress = promisify(gzip);
const decompress = promisify(gunzip);

const isTimeZone = (timeZone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};

type SeatsRead = { document: LayoutDocument } | { faults: readonly FileFault[] };

/** A file's seats, one a line below the heading, or what is wrong with the file, line by line. */
export const readSeats = (seatsCsv: string): SeatsRead => {
  let rows: CsvSeatRow[];
  try {
    rows = parse(seatsCsv.trimEnd(), {
      bom: true,
      columns: (names: string[]) => names.map((name) => name.trim().toLowerCase()),
      // A short or empty line keeps its number and is named as one that lacks something.
      relax_column_count: true,
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { faults: [{ path: `line ${error['lines'] ?? 1}`, message: error.message }] };
  }
  const result = layoutFromCsv(rows);
  if (result.outcome === 'layout') return { document: result.document };
  return {
    faults: result.faults.map((fault) => ({
      path: fault.column === null ? `line ${fault.line}` : `line ${fault.line}, ${fault.column}`,
      message: fault.message,
    })),
  };
};

// 0.6 s for 20,000 seats, 2 s for 100,000: too long for a process that sells tickets meanwhile.
const readSeatsAside = makeThread<string, SeatsRead>(import.meta.url, 'readSeats');

const listed = (faults: readonly FileFault[]): FileFault[] => {
  if (faults.length <= numbers.faultsListedMax) return [...faults];
  const more = faults.length - numbers.faultsListedMax;
  const rest = { path: 'file', message: `has ${more} more faults` };
  return [...faults.slice(0, numbers.faultsListedMax), rest];
};

export const makeVenues = (deps: { db: Sql; clock: Clock; ids: Ids; log: Log }): Venues => {
  const { db, clock, ids, log } = deps;
  const common = {
    clock,
    freshMs: numbers.freshMs,
    staleMs: 0,
    onError: (error: unknown) => log.warn({ err: error }, 'a venue could not be read'),
  };
  const venues = makeCache<Venue | null>({ ...common, weightMax: numbers.venuesMax });
  const layouts = makeCache<PlanLayout | null>({
    ...common,
    weightMax: numbers.planSeatsMax,
    weigh: (plan) => plan?.layout.seatCount ?? 0,
  });

  const venue = (venueId: string) => venues.get(venueId, () => findVenue(db, venueId));
  const readLayout = async (seatingPlanId: string): Promise<PlanLayout | null> => {
    const stored = await findLayout(db, seatingPlanId);
    if (stored === null) return null;
    const json = await decompress(stored.gzip);
    const layout = compileLayout(JSON.parse(json.toString()) as LayoutDocument);
    return { layout, version: stored.version, json, gzip: stored.gzip };
  };
  const write = async (maker: Maker, house: House, plan: LayoutDocument): Promise<Venue> => {
    const { accountId, key } = maker;
    const id = key === null ? ids.make('venue') : ids.fromParts('venue', accountId, key);
    const { seatCount, grade } = compileLayout(plan);
    const made: Venue = {
      id,
      name: house.name,
      address: house.address,
      timeZone: house.timeZone,
      seatingPlanId: ids.fromParts('seatingPlan', id),
      layoutVersion: layoutVersion(plan, sha256),
      seatCount,
      grades: plan.grades,
      gradeSeats: plan.grades.map((_, i) => grade.reduce((sum, g) => sum + (g === i ? 1 : 0), 0)),
      createdAtMs: clock.nowMs(),
    };
    const layoutGzip = await compress(JSON.stringify(plan), { level: 9 });
    await insertVenue(db, { ...made, layoutGzip }, maker);
    // A repeat finds the venue of the first time.
    const written = await venue(id);
    assert(written, 'a venue that was written is there');
    return written;
  };

  return {
    venue,
    layout: (seatingPlanId) => layouts.get(seatingPlanId, () => readLayout(seatingPlanId)),
    list: (after, limit) => listVenues(db, after, limit),
    add: async (maker, { plan, ...house }) => {
      const faults = layoutFaults(plan);
      assert(faults.length === 0, `a sound plan, not ${faults[0]?.message}`);
      return write(maker, house, plan);
    },
    importCsv: async (maker, house, seatsCsv) => {
      if (!isTimeZone(house.timeZone)) return { outcome: 'unknown-time-zone' };
      const isSmall = seatsCsv.length < numbers.smallFileCharacters;
      const seats = isSmall ? readSeats(seatsCsv) : await readSeatsAside(seatsCsv);
      if ('faults' in seats) return { outcome: 'layout-refused', faults: listed(seats.faults) };
      return { outcome: 'made', venue: await write(maker, house, seats.document) };
    },
  };
};

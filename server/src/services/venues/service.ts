import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  compileLayout,
  type Layout,
  type LayoutDocument,
  layoutVersion,
} from '@usher/domain/layout.ts';
import { layoutFromCsv } from '@usher/domain/layout-csv.ts';
import { type CsvSeatRow, detectDelimiter, readHeading } from '@usher/domain/layout-csv-columns.ts';
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
import type { SeatingPlan, Venue } from './store.ts';
import * as store from './store.ts';

type PlanLayout = {
  readonly layout: Layout;
  readonly version: string;
  /** The layout document as sent, plain and compressed. */
  readonly json: Buffer;
  readonly gzip: Buffer;
};

/** What other services may ask. Answers from memory; reads only what is not cached yet. */
export type VenuesService = {
  venue(venueId: string): Promise<Venue | null>;
  layout(seatingPlanId: string): Promise<PlanLayout | null>;
  plan(seatingPlanId: string): Promise<SeatingPlan | null>;
  /** Creates a venue from a document; passing one with faults is a bug of the caller. */
  add(maker: Maker, facts: VenueFacts & { readonly plan: LayoutDocument }): Promise<Venue>;
  /** Adds a plan to a venue, from a document without faults. */
  addPlan(maker: Maker, venueId: string, plan: NewPlan): Promise<SeatingPlan>;
};
type NewPlan = { readonly name: LocalText; readonly document: LayoutDocument };

/** Who creates a venue. Idempotent by the key: a repeat creates no second venue. */
export type Maker = {
  readonly accountId: string;
  readonly requestId: string;
  readonly key: string | null;
};
type VenueFacts = {
  readonly name: LocalText;
  readonly address: LocalText;
  readonly timeZone: string;
};
type FileFault = { readonly path: string; readonly message: string };

/** What only this service's own routes ask. */
export type Venues = VenuesService & {
  list(after: readonly [number, string] | null, limit: number): Promise<Venue[]>;
  importCsv(
    maker: Maker,
    facts: VenueFacts,
    seatsCsv: string,
  ): Promise<
    | { outcome: 'made'; venue: Venue }
    | { outcome: 'layout-refused'; faults: FileFault[] }
    | { outcome: 'unknown-time-zone' }
  >;
  /** For the owner of the venue, or an operator. */
  importPlan(
    maker: Maker & { readonly isOperator: boolean },
    venueId: string,
    given: { readonly name: LocalText; readonly seatsCsv: string },
  ): Promise<
    | { outcome: 'made'; plan: SeatingPlan }
    | { outcome: 'layout-refused'; faults: FileFault[] }
    | { outcome: 'not-found' }
  >;
  /** Null for a venue that does not exist. */
  listPlans(venueId: string): Promise<SeatingPlan[] | null>;
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

/**
 * A file's seats, one per line below the heading, or the faults of the file, line by line. Exported
 * because a thread finds it by its name; see makeThread.
 */
export const readSeats = (seatsCsv: string): SeatsRead => {
  let rows: CsvSeatRow[];
  try {
    rows = parse(seatsCsv.trimEnd(), {
      bom: true,
      delimiter: detectDelimiter(seatsCsv.replace(/^\uFEFF/, '')),
      columns: (names: string[]) => names.map(readHeading),
      // A short or empty line keeps its number and is reported as incomplete.
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

/** What is known about a plan from its document alone. */
const summarise = (document: LayoutDocument) => {
  const { seatCount, grade } = compileLayout(document);
  const { grades } = document;
  return {
    seatCount,
    grades,
    gradeSeats: grades.map((_, i) => grade.reduce((sum, g) => sum + (g === i ? 1 : 0), 0)),
    layoutVersion: layoutVersion(document, sha256),
  };
};

const readFile = (seatsCsv: string): SeatsRead | Promise<SeatsRead> =>
  seatsCsv.length < numbers.smallFileCharacters ? readSeats(seatsCsv) : readSeatsAside(seatsCsv);

const listed = (faults: readonly FileFault[]): FileFault[] => {
  if (faults.length <= numbers.faultsListedMax) return [...faults];
  const more = faults.length - numbers.faultsListedMax;
  const rest = { path: 'file', message: `has ${more} more errors` };
  return [...faults.slice(0, numbers.faultsListedMax), rest];
};

const assertSound = (document: LayoutDocument): void => {
  const faults = layoutFaults(document);
  assert(faults.length === 0, `a sound plan, not ${faults[0]?.message}`);
};

/** The plan that a venue is created with. */
const defaultPlanName: LocalText = { ko: '기본 배치', en: 'Standard plan' };

export const makeVenues = (deps: { db: Sql; clock: Clock; ids: Ids; log: Log }): Venues => {
  const { db, clock, ids, log } = deps;
  const common = {
    clock,
    freshMs: numbers.freshMs,
    staleMs: 0,
    onError: (error: unknown) => log.warn({ err: error }, 'loading a venue failed'),
  };
  const venues = makeCache<Venue | null>({ ...common, weightMax: numbers.venuesMax });
  const layouts = makeCache<PlanLayout | null>({
    ...common,
    weightMax: numbers.planSeatsMax,
    weigh: (plan) => plan?.layout.seatCount ?? 0,
  });

  const plans = makeCache<SeatingPlan | null>({ ...common, weightMax: numbers.venuesMax });

  const venue = (venueId: string) => venues.get(venueId, () => store.findVenue(db, venueId));
  const plan = (planId: string) => plans.get(planId, () => store.findPlan(db, planId));
  const readLayout = async (seatingPlanId: string): Promise<PlanLayout | null> => {
    const stored = await store.findLayout(db, seatingPlanId);
    if (stored === null) return null;
    const json = await decompress(stored.gzip);
    const layout = compileLayout(JSON.parse(json.toString()) as LayoutDocument);
    return { layout, version: stored.version, json, gzip: stored.gzip };
  };
  const pack = (document: LayoutDocument): Promise<Buffer> =>
    compress(JSON.stringify(document), { level: 9 });
  const write = async (
    maker: Maker,
    facts: VenueFacts,
    document: LayoutDocument,
  ): Promise<Venue> => {
    const { accountId, key } = maker;
    const id = key === null ? ids.make('venue') : ids.fromParts('venue', accountId, key);
    const made: Venue = {
      ...summarise(document),
      id,
      name: facts.name,
      address: facts.address,
      timeZone: facts.timeZone,
      seatingPlanId: ids.fromParts('seatingPlan', id),
      createdAtMs: clock.nowMs(),
    };
    const layoutGzip = await pack(document);
    await store.insertVenue(db, { ...made, layoutGzip, planName: defaultPlanName }, maker);
    // A repeat finds the venue that the first call created.
    const written = await venue(id);
    assert(written, 'a venue that was written is there');
    return written;
  };
  const writePlan = async (
    maker: Maker,
    venueId: string,
    { name, document }: NewPlan,
  ): Promise<SeatingPlan> => {
    const { accountId, key } = maker;
    const id =
      key === null
        ? ids.make('seatingPlan')
        : ids.fromParts('seatingPlan', accountId, venueId, key);
    const made = {
      ...summarise(document),
      id,
      venueId,
      name,
      isDefault: false,
      layoutGzip: await pack(document),
      createdAtMs: clock.nowMs(),
    };
    await store.insertPlan(db, made, maker.requestId);
    const written = await plan(id);
    assert(written, 'a plan that was written is there');
    return written;
  };

  return {
    venue,
    plan,
    layout: (seatingPlanId) => layouts.get(seatingPlanId, () => readLayout(seatingPlanId)),
    list: (after, limit) => store.listVenues(db, after, limit),
    add: async (maker, { plan: document, ...facts }) => {
      assertSound(document);
      return write(maker, facts, document);
    },
    addPlan: async (maker, venueId, given) => {
      assertSound(given.document);
      return writePlan(maker, venueId, given);
    },
    importCsv: async (maker, facts, seatsCsv) => {
      if (!isTimeZone(facts.timeZone)) return { outcome: 'unknown-time-zone' };
      const seats = await readFile(seatsCsv);
      if ('faults' in seats) return { outcome: 'layout-refused', faults: listed(seats.faults) };
      return { outcome: 'made', venue: await write(maker, facts, seats.document) };
    },
    importPlan: async (maker, venueId, { name, seatsCsv }) => {
      const ownerId = await store.findOwner(db, venueId);
      if (ownerId === null || (ownerId !== maker.accountId && !maker.isOperator))
        return { outcome: 'not-found' };
      const known = await store.listPlans(db, venueId);
      if (known.length >= numbers.plansMax) {
        const message = `a venue has at most ${numbers.plansMax} seating plans`;
        return { outcome: 'layout-refused', faults: [{ path: 'venue', message }] };
      }
      const seats = await readFile(seatsCsv);
      if ('faults' in seats) return { outcome: 'layout-refused', faults: listed(seats.faults) };
      const { document } = seats;
      return { outcome: 'made', plan: await writePlan(maker, venueId, { name, document }) };
    },
    listPlans: async (venueId) => {
      const found = await store.listPlans(db, venueId);
      // A venue always has its default plan.
      return found.length === 0 ? null : found;
    },
  };
};

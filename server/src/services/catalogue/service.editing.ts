import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { VenuesService } from '../venues/index.ts';
import type { Memory } from './cache.ts';
import { listPaintedGrades, paintPlans, type ShowPainting } from './painting.ts';
import { listPaintingsInUse, listShowPaintings, writeShowPaintings } from './painting-store.ts';
import {
  type Broken,
  type Editor,
  findShowFaults,
  type GivenGrade,
  lockShow,
  makeOpenings,
  makeShowExtras,
  type NotFound,
  nameGrades,
} from './show-edit.ts';
import type { Stock } from './stock.ts';
import * as store from './store.ts';

export type NewShow = Omit<store.ShowFields, 'grades'> & {
  readonly venueId: string;
  readonly posterSvg: string | null;
  readonly grades: readonly GivenGrade[];
  /** Plans that are not named get the painting that they suggest. */
  readonly paintings: readonly ShowPainting[];
};
type ShowEdit = {
  readonly [Field in Exclude<keyof store.ShowFields, 'grades'>]?:
    | store.ShowFields[Field]
    | undefined;
} & {
  readonly posterSvg?: string | undefined;
  readonly grades?: readonly GivenGrade[] | undefined;
};

/** Edits are checked against the locked show; all broken rules are listed at once. */
export const makeEditing = (
  deps: { db: Database; clock: Clock; ids: Ids; venues: VenuesService; stock: Stock },
  memory: Pick<Memory, 'forget'>,
) => {
  const { db, clock, ids, venues, stock } = deps;
  const addSeatCounts = (performances: readonly store.Performance[]) =>
    Promise.all(
      performances.map(async (each) => {
        const plan = await venues.plan(each.seatingPlanId);
        assert(plan, 'the plan of a performance exists');
        return { ...each, seatCount: plan.seatCount };
      }),
    );

  const createShow = async (
    editor: Editor,
    input: NewShow,
  ): Promise<Broken | { outcome: 'made'; showId: string }> => {
    const venue = await venues.venue(input.venueId);
    const { paintings, ...fields } = input;
    const show = { ...fields, grades: nameGrades(fields.grades, []) };
    if (venue === null) {
      const unknown = { path: 'venueId', message: 'there is no such venue' };
      return { outcome: 'broken', faults: [unknown, ...findShowFaults(show, null, [])] };
    }
    const asked =
      paintings.length > 0 ? paintings : [{ seatingPlanId: venue.seatingPlanId, rules: [] }];
    const painted = await paintPlans(venues, venue.id, show.grades, asked);
    const paintedGrades =
      painted.faults.length > 0
        ? null
        : listPaintedGrades(painted.paintings.map(({ painting }) => painting));
    const faults = [...findShowFaults(show, paintedGrades, []), ...painted.faults];
    if (faults.length > 0) return { outcome: 'broken', faults };
    const { accountId, key } = editor;
    const id = key === null ? ids.make('show') : ids.fromParts('show', accountId, key);
    await db.transaction(async (tx) => {
      // A repeat leaves the show in its current state.
      if (key !== null && (await store.findShow(tx, id)) !== null) return;
      const extras = makeShowExtras(show, venue, show.posterSvg);
      await store.writeShow(tx, { ...show, id, ownerId: accountId }, extras, clock.nowMs());
      await writeShowPaintings(tx, id, painted.paintings);
      await store.noteChange(tx, editor, 'show-created', id, { ...input, posterSvg: undefined });
    });
    memory.forget(id);
    return { outcome: 'made', showId: id };
  };

  const editShow = async (
    editor: Editor,
    showId: string,
    edit: ShowEdit,
  ): Promise<Broken | NotFound | { outcome: 'edited' }> => {
    const nowMs = clock.nowMs();
    const result = await db.transaction(async (tx) => {
      const locked = await lockShow(tx, venues, editor, showId);
      if (locked === null) return { outcome: 'not-found' as const };
      const { show, venue } = locked;
      const given = Object.fromEntries(Object.entries(edit).filter(([, v]) => v !== undefined));
      const posterSvg = edit.posterSvg ?? (await store.findPosterSvg(tx, showId));
      const grades = edit.grades === undefined ? show.grades : nameGrades(edit.grades, show.grades);
      const next = { ...show, ...given, grades, posterSvg };
      const performances = await store.listPerformances(tx, showId);
      const painted = await listShowPaintings(tx, showId);
      const inUse = await listPaintingsInUse(tx, showId, nowMs);
      const faults = findShowFaults(
        next,
        listPaintedGrades([...painted.map(({ painting }) => painting), ...inUse]),
        performances.map((each) => each.startsAtMs),
      );
      if (faults.length > 0) return { outcome: 'broken' as const, faults };
      await store.writeShow(tx, next, makeShowExtras(next, venue, posterSvg), nowMs);
      const later = performances.filter((each) => each.startsAtMs > nowMs);
      if (later.length > 0) await stock.open(tx, makeOpenings(next, await addSeatCounts(later)));
      const details = {
        ...given,
        ...(edit.posterSvg === undefined ? {} : { posterSvg: 'changed' }),
      };
      await store.noteChange(tx, editor, 'show-edited', showId, details);
      return { outcome: 'edited' as const };
    });
    memory.forget(showId);
    return result;
  };

  return { createShow, editShow };
};

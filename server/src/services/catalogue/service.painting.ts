import { applyPainting, type Painting } from '@usher/domain/painting.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Database } from '../../platform/postgres/sql.ts';
import type { Venue, VenuesService } from '../venues/index.ts';
import type { Memory } from './cache.ts';
import {
  listPaintedGrades,
  type PlanPainting,
  paintPlans,
  type ShowPainting,
  type StoredPainting,
} from './painting.ts';
import * as paintings from './painting-store.ts';
import {
  type Broken,
  type Editor,
  findShowFaults,
  type GivenGrade,
  lockShow,
  makeShowExtras,
  mayEdit,
  type NotFound,
  nameGrades,
} from './show-edit.ts';
import type { Stock } from './stock.ts';
import * as store from './store.ts';

type PaintRequest = {
  readonly grades: readonly GivenGrade[];
  readonly paintings: readonly ShowPainting[];
  /** What to do if a future performance has been held and would change. */
  readonly fixedPerformances: 'refuse' | 'keep';
};

/** How a show is painted, with details for the reader. */
export type ShowGrades = {
  readonly show: store.Show;
  readonly paintings: readonly (ShowPainting & { readonly painting: StoredPainting })[];
  readonly performances: readonly (store.Performance & { readonly isFixed: boolean })[];
};

/**
 * What an organiser paints. A performance keeps forever the painting that it had at its first hold:
 * what a buyer holds must not change its price. All other future performances, and those added
 * later, get the newest painting of their plan. Paintings are versions and never change.
 */
export const makePainting = (
  deps: { db: Database; clock: Clock; venues: VenuesService; stock: Stock },
  memory: Pick<Memory, 'forget'>,
) => {
  const { db, clock, venues, stock } = deps;
  /** The future performances whose painting would change. */
  const findRepaintings = async (
    later: readonly store.Performance[],
    painted: readonly PlanPainting[],
  ) => {
    const repaintings = [];
    for (const { id, seatingPlanId, paintingVersion } of later) {
      const painting = painted.find((each) => each.seatingPlanId === seatingPlanId)?.painting;
      assert(painting, 'every plan in use is painted');
      if (painting.version === paintingVersion) continue;
      const plan = await venues.layout(seatingPlanId);
      assert(plan && painting.seats, 'a new painting names the grade of every seat');
      const { grade } = applyPainting(plan.layout, painting as Painting);
      repaintings.push({
        performanceId: id,
        paintingVersion: painting.version,
        grades: grade,
      });
    }
    return repaintings;
  };

  const paintShow = async (
    editor: Editor,
    showId: string,
    request: PaintRequest,
  ): Promise<
    { outcome: 'painted' } | NotFound | Broken | { outcome: 'fixed'; performanceIds: string[] }
  > => {
    const nowMs = clock.nowMs();
    const result = await db.transaction(async (tx) => {
      const locked = await lockShow(tx, venues, editor, showId);
      if (locked === null) return { outcome: 'not-found' as const };
      const { show, venue } = locked;
      const next = { ...show, grades: nameGrades(request.grades, show.grades) };
      const performances = await store.listPerformances(tx, showId);
      const later = performances.filter(({ startsAtMs }) => startsAtMs > nowMs);
      const asked = addPlansInUse(request.paintings, later, venue);
      const painted = await paintPlans(venues, venue.id, next.grades, asked);
      if (painted.faults.length > 0) {
        const faults = [
          ...findShowFaults({ ...next, posterSvg: null }, null, []),
          ...painted.faults,
        ];
        return { outcome: 'broken' as const, faults };
      }
      const repaintings = await findRepaintings(later, painted.paintings);
      const changing = repaintings.map(({ performanceId }) => performanceId);
      await stock.lock(tx, showId, changing);
      const held = await stock.held(tx, showId, changing);
      if (held.size > 0 && request.fixedPerformances === 'refuse')
        return { outcome: 'fixed' as const, performanceIds: [...held] };
      const kept = later.filter(({ id }) => held.has(id)).map((each) => each.paintingVersion);
      const inUse = await paintings.listPaintingsInUse(tx, showId, nowMs);
      const faults = findShowFaults(
        { ...next, posterSvg: null },
        listPaintedGrades([
          ...painted.paintings.map(({ painting }) => painting),
          ...inUse.filter(({ version }) => kept.includes(version)),
        ]),
        [],
      );
      if (faults.length > 0) return { outcome: 'broken' as const, faults };

      await store.writeShow(
        tx,
        next,
        makeShowExtras(next, venue, await store.findPosterSvg(tx, showId)),
        nowMs,
      );
      await paintings.writeShowPaintings(tx, showId, painted.paintings);
      const planIds = painted.paintings.map(({ seatingPlanId }) => seatingPlanId);
      await paintings.dropOtherPaintings(tx, showId, planIds);
      const free = repaintings.filter(({ performanceId }) => !held.has(performanceId));
      await stock.repaint(tx, showId, free);
      await paintings.repaintPerformances(tx, free);
      const repainted = free.map(({ performanceId }) => performanceId);
      await store.noteChange(tx, editor, 'show-painted', showId, { ...request, repainted });
      return { outcome: 'painted' as const };
    });
    memory.forget(showId);
    return result;
  };

  /** How a show is painted; null if the editor may not see it. */
  const readShowGrades = async (editor: Editor, showId: string): Promise<ShowGrades | null> => {
    const show = await store.findShow(db, showId);
    if (show === null || !mayEdit(editor, show)) return null;
    const performances = await store.listPerformances(db, showId);
    const performanceIds = performances.map(({ id }) => id);
    const held = await stock.held(db, showId, performanceIds);
    return {
      show,
      paintings: await paintings.listShowPaintings(db, showId),
      performances: performances.map((each) => ({ ...each, isFixed: held.has(each.id) })),
    };
  };

  return { paintShow, readShowGrades };
};

/** The requested paintings, and the unchanged suggestion of every other plan in use. */
const addPlansInUse = (
  asked: readonly ShowPainting[],
  later: readonly store.Performance[],
  venue: Venue,
): ShowPainting[] => {
  const named = new Set(asked.map(({ seatingPlanId }) => seatingPlanId));
  const used = later.map(({ seatingPlanId }) => seatingPlanId);
  const others = [...new Set(used)].filter((planId) => !named.has(planId));
  const all = [...asked, ...others.map((seatingPlanId) => ({ seatingPlanId, rules: [] }))];
  return all.length > 0 ? all : [{ seatingPlanId: venue.seatingPlanId, rules: [] }];
};

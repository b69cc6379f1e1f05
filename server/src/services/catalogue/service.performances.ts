import {
  blockFaults,
  performanceFaults,
  type RuleFault,
  withRounds,
} from '@usher/domain/show-rules.ts';
import type { Clock } from '../../platform/clock.ts';
import { assert } from '../../platform/failure.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Database, Sql } from '../../platform/postgres/sql.ts';
import type { VenuesService } from '../venues/index.ts';
import type { Memory } from './cache.ts';
import { paintPlans } from './painting.ts';
import { listShowPaintings, writeShowPaintings } from './painting-store.ts';
import { type Broken, type Editor, lockShow, makeOpenings, type NotFound } from './show-edit.ts';
import type { Stock } from './stock.ts';
import * as store from './store.ts';

/** Adds performances to a show and blocks seats of a performance. */
export const makePerformances = (
  deps: { db: Database; clock: Clock; ids: Ids; venues: VenuesService; stock: Stock },
  memory: Pick<Memory, 'find' | 'forget' | 'layout'>,
  checkSoldOut: (sql: Sql, showIds: readonly string[]) => Promise<void>,
) => {
  const { db, clock, ids, venues, stock } = deps;
  /** The painting of future performances in a plan; created if it is the first for that plan. */
  const findPaintingFor = async (
    tx: Sql,
    show: store.Show,
    seatingPlanId: string,
  ): Promise<{ version: string | null; faults: RuleFault[] }> => {
    const known = await listShowPaintings(tx, show.id);
    const own = known.find((each) => each.seatingPlanId === seatingPlanId);
    if (own !== undefined) return { version: own.painting.version, faults: [] };
    const asked = [{ seatingPlanId, rules: [] }];
    const painted = await paintPlans(venues, show.venueId, show.grades, asked);
    const [made] = painted.paintings;
    if (made !== undefined) await writeShowPaintings(tx, show.id, [made]);
    const faults = painted.faults.map(({ message }) => ({ path: 'seatingPlanId', message }));
    return { version: made?.painting.version ?? null, faults };
  };
  const addPerformances = async (
    editor: Editor,
    showId: string,
    given: { readonly startsAtMs: readonly number[]; readonly seatingPlanId?: string | undefined },
  ): Promise<Broken | NotFound | { outcome: 'added'; performanceIds: string[] }> => {
    const { accountId, key } = editor;
    const { startsAtMs } = given;
    const performanceIds = startsAtMs.map((_, i) =>
      key === null
        ? ids.make('performance')
        : ids.fromParts('performance', accountId, key, showId, String(i)),
    );
    const result = await db.transaction(async (tx) => {
      const locked = await lockShow(tx, venues, editor, showId);
      if (locked === null) return { outcome: 'not-found' as const };
      const { show, venue } = locked;
      const existing = await store.listPerformances(tx, showId);
      const isRepeat = existing.some((each) => performanceIds.includes(each.id));
      if (isRepeat) return { outcome: 'added' as const, performanceIds };
      const faults = performanceFaults({
        startsAtMs,
        existingStartAtMs: existing.map((each) => each.startsAtMs),
        saleOpensAtMs: show.saleOpensAtMs,
        nowMs: clock.nowMs(),
      });
      const planId = given.seatingPlanId ?? venue.seatingPlanId;
      const painted = await findPaintingFor(tx, show, planId);
      faults.push(...painted.faults);
      const plan = await venues.plan(planId);
      if (faults.length > 0 || painted.version === null || plan === null)
        return { outcome: 'broken' as const, faults };
      const { layoutVersion, seatCount } = plan;
      const paintingVersion = painted.version;
      const added = performanceIds.map((id, i) => ({
        id,
        startsAtMs: startsAtMs[i] ?? 0,
        paintingVersion,
        seatCount,
      }));
      const all = withRounds([...existing, ...added], venue.timeZone);
      const placed = { id: showId, seatingPlanId: planId, layoutVersion, paintingVersion };
      await store.writePerformances(tx, placed, all);
      await stock.open(tx, makeOpenings(show, added));
      await store.noteChange(tx, editor, 'performances-added', showId, { performances: added });
      return { outcome: 'added' as const, performanceIds };
    });
    memory.forget(showId);
    return result;
  };

  const blockSeats = async (
    editor: Editor,
    performanceId: string,
    change: { block: readonly number[]; unblock: readonly number[] },
  ): Promise<
    Broken | NotFound | { outcome: 'done' } | { outcome: 'taken'; seatNos: readonly number[] }
  > => {
    const found = await memory.find(performanceId);
    if (found === null) return { outcome: 'not-found' };
    const result = await db.transaction(async (tx) => {
      const locked = await lockShow(tx, venues, editor, found.show.id);
      if (locked === null) return { outcome: 'not-found' as const };
      // The current painting: the cached one may be outdated.
      const performances = await store.listPerformances(tx, found.show.id);
      const performance = performances.find(({ id }) => id === performanceId);
      const plan = performance === undefined ? null : await memory.layout(performance);
      assert(plan, 'a performance has a plan');
      const faults = blockFaults(change, plan.layout.seatCount);
      if (faults.length > 0) return { outcome: 'broken' as const, faults };
      const showId = found.show.id;
      const block = change.block.map((seatNo) => ({
        seatNo,
        gradeIndex: plan.layout.grade[seatNo] ?? 0,
      }));
      const blocked = await stock.block(tx, {
        showId,
        performanceId,
        block,
        unblock: change.unblock,
      });
      if (blocked.outcome === 'done')
        await store.noteChange(tx, editor, 'seats-blocked', showId, { performanceId, ...change });
      return blocked;
    });
    memory.forget(found.show.id);
    if (result.outcome === 'done') await checkSoldOut(db, [found.show.id]);
    return result;
  };

  return { addPerformances, blockSeats };
};

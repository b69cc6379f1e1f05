import { giveGradeCodes } from '@usher/domain/grades.ts';
import { searchIndex } from '@usher/domain/search-text.ts';
import { type RuleFault, showFaults } from '@usher/domain/show-rules.ts';
import { assert } from '../../platform/failure.ts';
import type { Sql } from '../../platform/postgres/sql.ts';
import type { Maker, Venue, VenuesService } from '../venues/index.ts';
import { versionOfPoster } from './cache.ts';
import { findPosterFaults } from './poster-svg.ts';
import * as store from './store.ts';
import { drawPoster } from './view.ts';

/** Who edits; an operator may edit every show, an organiser their own. */
export type Editor = Maker & { readonly isOperator: boolean };
/** A grade without a code gets one made from its name. */
export type GivenGrade = Omit<store.Grade, 'code'> & { readonly code?: string | undefined };

export const mayEdit = (editor: Editor, show: store.Show): boolean =>
  show.ownerId === editor.accountId || editor.isOperator;

/** Grades with their codes: a grade with an existing name keeps its code even if none is sent. */
export const nameGrades = (
  given: readonly GivenGrade[],
  known: readonly store.Grade[],
): store.Grade[] => {
  const used = new Set(given.map(({ code }) => code));
  return giveGradeCodes(
    given.map((grade) => {
      const before = known.find(({ name }) => name.ko === grade.name.ko)?.code;
      const code = grade.code ?? (used.has(before) ? undefined : before);
      return { ...grade, code };
    }),
  );
};

/** Rules that the show would break: all of them, not only the first. */
export type Broken = { outcome: 'broken'; faults: RuleFault[] };
/** It does not exist, or the editor may not edit it. */
export type NotFound = { outcome: 'not-found' };

/** The show for an edit, locked, with its venue; null if the editor may not edit it. */
export const lockShow = async (
  tx: Sql,
  venues: VenuesService,
  editor: Editor,
  showId: string,
): Promise<{ show: store.Show; venue: Venue } | null> => {
  const show = await store.findShow(tx, showId, 'lock');
  if (show === null || !mayEdit(editor, show)) return null;
  const venue = await venues.venue(show.venueId);
  assert(venue, 'the venue of a show exists');
  return { show, venue };
};

/** What is stored with the fields of a show: its poster and its search words. */
export const makeShowExtras = (
  fields: store.ShowFields,
  venue: Venue,
  posterSvg: string | null,
): store.ShowExtras => {
  const names = [fields.title.ko, fields.title.en, venue.name.ko, venue.name.en];
  const index = searchIndex(names, [fields.synopsis.ko, fields.synopsis.en]);
  const posterVersion = versionOfPoster(posterSvg ?? drawPoster(fields, venue.name));
  return { posterSvg, posterVersion, searchText: index.text, searchGrams: index.grams };
};

/**
 * All rules that a show breaks. `paintedGrades`: codes of the grades that seats have; null if
 * unknown.
 */
export const findShowFaults = (
  show: store.ShowFields & { readonly posterSvg: string | null },
  paintedGrades: readonly string[] | null,
  performancesStartAtMs: readonly number[],
): RuleFault[] => [
  ...showFaults({ ...show, paintedGrades, performancesStartAtMs }),
  ...(show.posterSvg === null ? [] : findPosterFaults(show.posterSvg)).map((message) => ({
    path: 'posterSvg',
    message,
  })),
];

/** What the seats need to know to sell performances of a show. */
export const makeOpenings = (
  show: store.ShowFields & { id: string },
  performances: readonly {
    id: string;
    startsAtMs: number;
    paintingVersion: string;
    seatCount: number;
  }[],
) =>
  performances.map(({ id, startsAtMs, paintingVersion, seatCount }) => ({
    showId: show.id,
    performanceId: id,
    seatCount,
    saleOpensAt: new Date(show.saleOpensAtMs),
    saleClosesAt: new Date(Math.min(show.saleClosesAtMs, startsAtMs)),
    buyerLimit: show.buyerLimit,
    refusesStranding: show.refusesStranding,
    paintingVersion,
  }));

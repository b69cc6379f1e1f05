import { createHash } from 'node:crypto';
import type { NamedGrade } from '@usher/domain/grades.ts';
import {
  countGrades,
  findGrade,
  type PaintRule,
  paintingVersion,
  paintLayout,
} from '@usher/domain/painting.ts';
import type { RuleFault } from '@usher/domain/show-rules.ts';
import type { VenuesService } from '../venues/index.ts';

/** A painting as it is stored; it never changes. */
export type StoredPainting = {
  readonly version: string;
  /** A plan with the layout that is painted. */
  readonly seatingPlanId: string;
  /** Codes, each with its number of seats; a seat's grade is an index into them. */
  readonly grades: readonly string[];
  readonly gradeSeats: readonly number[];
  /** `[count, grade, …]` in the order of the seats; null: as the plan suggests. */
  readonly seats: readonly number[] | null;
};

/** The painting of a show in one plan. */
export type ShowPainting = {
  readonly seatingPlanId: string;
  readonly rules: readonly PaintRule[];
};
export type PlanPainting = ShowPainting & { readonly painting: StoredPainting };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** Codes of the grades that seats have in any of the paintings. */
export const listPaintedGrades = (paintings: readonly StoredPainting[]): string[] => {
  const painted = paintings.flatMap(({ grades, gradeSeats }) =>
    grades.filter((_, i) => (gradeSeats[i] ?? 0) > 0),
  );
  return [...new Set(painted)];
};

/**
 * Paints a show's grades over plans of its venue. Returns the paintings, or all faults, with paths
 * that begin with the painting (`paintings.0.rules.2.section`).
 */
export const paintPlans = async (
  venues: Pick<VenuesService, 'plan' | 'layout'>,
  venueId: string,
  grades: readonly NamedGrade[],
  asked: readonly ShowPainting[],
): Promise<{ paintings: PlanPainting[]; faults: RuleFault[] }> => {
  const faults: RuleFault[] = [];
  const paintings: PlanPainting[] = [];
  const seen = new Set<string>();
  for (const [i, { seatingPlanId, rules }] of asked.entries()) {
    const path = `paintings.${i}`;
    const plan = await venues.plan(seatingPlanId);
    const compiled = plan?.venueId === venueId ? await venues.layout(seatingPlanId) : null;
    if (compiled === null) {
      faults.push({
        path: `${path}.seatingPlanId`,
        message: 'the venue has no such seating plan',
      });
      continue;
    }
    if (seen.has(seatingPlanId)) {
      faults.push({ path: `${path}.seatingPlanId`, message: 'this plan is painted above' });
      continue;
    }
    seen.add(seatingPlanId);
    const result = paintLayout(compiled.layout, grades, rules);
    if (result.outcome === 'refused') {
      for (const fault of result.faults) {
        faults.push({ path: `${path}.${fault.path}`, message: fault.message });
      }
      continue;
    }
    paintings.push({
      seatingPlanId,
      // Matched by code, so that a grade may be renamed.
      rules: rules.map((rule) => ({
        ...rule,
        grade: grades[findGrade(grades, rule.grade)]?.code ?? rule.grade,
      })),
      painting: {
        version: paintingVersion(compiled.version, result.painting, sha256),
        seatingPlanId,
        grades: result.painting.grades,
        gradeSeats: countGrades(result.painting),
        seats: result.painting.seats,
      },
    });
  }
  return { paintings, faults };
};

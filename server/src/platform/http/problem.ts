import { type ProblemBody, type ProblemCode, problems } from '@usher/contract/problems.ts';
import { Failure } from '../failure.ts';

/** An expected refusal: returned by handlers, never thrown. */
export type Refusal = {
  readonly refusal: ProblemCode;
  readonly detail?: string;
  readonly retryAfterMs?: number;
  /** Fields of this problem beyond the common ones, e.g. `conflicts`. */
  readonly extra?: Readonly<Record<string, unknown>>;
};

export const refuse = (refusal: ProblemCode, more: Omit<Refusal, 'refusal'> = {}): Refusal => ({
  refusal,
  ...more,
});

/** The only place that writes problem documents (RFC 9457). */
export const problemBodyOf = (
  refusal: Refusal,
  request: { instance: string; traceId: string },
): ProblemBody => {
  const entry = problems[refusal.refusal];
  return {
    type: `/docs/problems/${refusal.refusal}`,
    title: entry.title,
    status: entry.status,
    detail: refusal.detail ?? entry.meaning,
    instance: request.instance,
    code: refusal.refusal,
    retryable: entry.retryable,
    ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
    traceId: request.traceId,
    ...refusal.extra,
  };
};

export const statusOf = (refusal: Refusal): number => problems[refusal.refusal].status;

type FieldFault = {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Where a value may have several forms: what is wrong with it by each of them. */
  readonly errors?: readonly (readonly FieldFault[])[];
};

/**
 * What is wrong with a value that may have several forms: the faults by the form that it comes
 * closest to; of all forms that it is equally far from.
 */
const spellOut = (fault: FieldFault): FieldFault[] => {
  const { errors = [], path } = fault;
  if (errors.length === 0) return [fault];
  const forms = errors.map((form) => form.flatMap(spellOut));
  const fewest = Math.min(...forms.map((form) => form.length));
  return forms
    .filter((form) => form.length === fewest)
    .flat()
    .map((each) => ({ path: [...path, ...each.path], message: each.message }));
};

export const validationRefusal = (where: string, faults: readonly FieldFault[]): Refusal =>
  refuse('VALIDATION_FAILED', {
    detail: `The ${where} does not match the API schema.`,
    extra: {
      errors: faults
        .flatMap(spellOut)
        .slice(0, 50)
        .map((fault) => ({
          path: [where, ...fault.path.map(String)].join('.'),
          message: fault.message,
        })),
    },
  });

/** What a thrown error means to the caller; null if it is a bug. */
export const refusalOfFailure = (error: unknown): Refusal | null => {
  if (!(error instanceof Failure)) return null;
  if (error.code === 'OVERLOADED') return refuse('OVERLOADED', { retryAfterMs: 1000 });
  if (error.retryable) return refuse('UNAVAILABLE', { retryAfterMs: 1000 });
  return null;
};

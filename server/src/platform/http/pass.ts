import { passHeader, type RouteSpec } from '@usher/contract/route.ts';
import { type Refusal, refuse } from './problem.ts';
import type { PassSubject, Route, RouteRequest } from './route.ts';

export type PassAsked = PassSubject & {
  readonly accountId: string;
  /** As it was sent. */
  readonly pass: string | undefined;
};

/** Judges a pass without any I/O: null if none is needed, a refusal, or what the store must say. */
export type JudgePass = (asked: PassAsked) => null | Refusal | AskStore;
/** Asks the store of the room whether the pass is still valid; null: it is. */
type AskStore = { askStore(): Promise<Refusal | null> };

const judge = async (
  judgePass: JudgePass,
  passFor: NonNullable<Route['passFor']>,
  admitted: RouteRequest<RouteSpec>,
): Promise<ReturnType<JudgePass>> => {
  const subject = await passFor(admitted);
  if (subject === null) return refuse('NOT_FOUND');
  return judgePass({
    showId: subject.showId,
    heldAtMs: subject.heldAtMs,
    accountId: admitted.caller?.accountId ?? '',
    pass: admitted.raw.headers[passHeader]?.toString(),
  });
};

/**
 * Why a call may not reach its handler; null: it may. What needs no I/O is judged first, so that a
 * crowd without passes, or one that has lost the race, costs no store anything.
 */
export const refuseBeforeHandler = async (
  route: Pick<Route, 'passFor' | 'isRepeat' | 'refuseEarly'>,
  judgePass: JudgePass | undefined,
  admitted: RouteRequest<RouteSpec>,
): Promise<Refusal | null> => {
  const { passFor, isRepeat, refuseEarly } = route;
  const unlessRepeat = async (refusal: Refusal): Promise<Refusal | null> =>
    (await isRepeat?.(admitted)) === true ? null : refusal;
  const judged =
    passFor === undefined || judgePass === undefined
      ? null
      : await judge(judgePass, passFor, admitted);
  if (judged !== null && 'refusal' in judged) return unlessRepeat(judged);
  const lost = refuseEarly?.(admitted) ?? null;
  if (lost !== null || judged === null) return lost;
  const ended = await judged.askStore();
  return ended === null ? null : unlessRepeat(ended);
};

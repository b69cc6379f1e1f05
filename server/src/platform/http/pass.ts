import { passHeader, type RouteSpec } from '@usher/contract/route.ts';
import { type Refusal, refuse } from './problem.ts';
import type { PassSubject, Route, RouteRequest } from './route.ts';

export type PassAsked = PassSubject & {
  readonly accountId: string;
  /** As it was sent. */
  readonly pass: string | undefined;
};

/** Checks passes, for the HTTP edge. null: the call may go on. */
export type PassCheck = {
  /** What can be decided without any I/O. */
  refuseEarly(asked: PassAsked): Refusal | null;
  refuse(asked: PassAsked): Promise<Refusal | null>;
};

/** The check of one call, for a route that requires a pass. Its subject is looked up once. */
export const makePassGate = (
  check: PassCheck,
  findSubject: NonNullable<Route['passFor']>,
  admitted: RouteRequest<RouteSpec>,
) => {
  let finding: Promise<PassSubject | null> | undefined;
  const find = async (): Promise<PassAsked | null> => {
    finding ??= findSubject(admitted);
    const subject = await finding;
    if (subject === null) return null;
    return {
      showId: subject.showId,
      heldAtMs: subject.heldAtMs,
      accountId: admitted.caller?.accountId ?? '',
      pass: admitted.raw.headers[passHeader]?.toString(),
    };
  };
  return {
    refuseEarly: async (): Promise<Refusal | null> => {
      const asked = await find();
      return asked === null ? refuse('NOT_FOUND') : check.refuseEarly(asked);
    },
    refuse: async (): Promise<Refusal | null> => {
      const asked = await find();
      return asked === null ? refuse('NOT_FOUND') : check.refuse(asked);
    },
  };
};

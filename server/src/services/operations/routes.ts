import {
  healthz,
  listDeadLetters,
  listOpenPayments,
  readMetrics,
  readyz,
  replayDeadLetter,
} from '@usher/contract/operations.ts';
import * as contract from '@usher/contract/waiting-room.ts';
import { type Refusal, refuse } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, rawAnswer, route } from '../../platform/http/route.ts';
import type { Relay } from '../../platform/journal/relay.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { type UnknownPayments, viewAttempt } from '../payments/index.ts';
import type { Levers, RoomRefused } from './service.ts';

/** Dead letters and open payments on one page. */
const listedMax = 200;

const makeMetricsRoute = ({ registry }: Metrics): Route =>
  route(readMetrics, async () =>
    rawAnswer(200, await registry.metrics(), { 'content-type': registry.contentType }),
  );

/** Routes of every process, whichever services it serves. */
export const probeRoutes = (deps: {
  metrics: Metrics;
  /** What this process needs to serve and does not have; empty when it is ready. */
  missing: () => Promise<string[]>;
  /** Whether the metrics are read here, not at a port of their own. */
  hasMetrics: boolean;
}): Route[] => [
  route(healthz, async () => answer(200, { alive: true as const })),

  route(readyz, async () => {
    const missing = await deps.missing();
    return missing.length === 0
      ? answer(200, { ready: true as const })
      : answer(503, { ready: false as const, missing }, { 'retry-after': '1' });
  }),

  ...(deps.hasMetrics ? [makeMetricsRoute(deps.metrics)] : []),
];

/**
 * What needs the operator's attention: events that failed for good, payments of unknown outcome.
 */
export const troubleRoutes = (deps: {
  relay: Pick<Relay, 'deadLetters' | 'replay'>;
  payments: UnknownPayments;
}): Route[] => {
  const { relay, payments } = deps;
  return [
    route(listDeadLetters, async () => {
      const letters = await relay.deadLetters(listedMax);
      const items = letters.map((letter) => ({ ...letter, diedAt: letter.diedAt.toISOString() }));
      return answer(200, { items });
    }),

    route(replayDeadLetter, async ({ params }) =>
      (await relay.replay(params.consumer, params.eventId)) === 'replayed'
        ? emptyAnswer(204)
        : refuse('NOT_FOUND'),
    ),

    route(listOpenPayments, async () =>
      answer(200, { items: (await payments.unknown(listedMax)).map(viewAttempt) }),
    ),
  ];
};

const refuseLever = (refused: RoomRefused): Refusal => {
  switch (refused.outcome) {
    case 'not-found':
      return refuse('NOT_FOUND');
    case 'conflict':
      return refuse('ROOM_CHANGED_MEANWHILE', { extra: { rev: refused.rev } });
    case 'refused':
      return refuse('LEVER_REFUSED', { detail: refused.detail });
  }
};

/** The operator's levers for the waiting rooms. */
export const leverRoutes = (levers: Levers): Route[] => [
  route(contract.listRooms, async () => answer(200, { items: await levers.list() })),

  route(contract.readRoom, async ({ params }) => {
    const room = await levers.read(params.showId);
    return room === null ? refuse('NOT_FOUND') : answer(200, room);
  }),

  route(contract.putRoom, async ({ params, body, caller, traceId, idempotencyKey }) => {
    const { ifRev, settings, reason = null } = body;
    const wish = { ...params, reason, accountId: caller.accountId, requestId: traceId };
    const result = await levers.put({ ...wish, key: idempotencyKey }, ifRev, settings);
    switch (result.outcome) {
      case 'created':
        return answer(201, result.room);
      case 'changed':
        return answer(200, result.room);
      default:
        return refuseLever(result);
    }
  }),

  route(contract.pullLever, async ({ params, body, caller, traceId, idempotencyKey }) => {
    const { ifRev, action, reason = null } = body;
    const wish = { ...params, reason, accountId: caller.accountId, requestId: traceId };
    const result = await levers.pull({ ...wish, key: idempotencyKey }, ifRev, action);
    return 'room' in result ? answer(200, result.room) : refuseLever(result);
  }),

  route(contract.listLevers, async ({ params }) => {
    const items = await levers.uses(params.showId);
    return items === null ? refuse('NOT_FOUND') : answer(200, { items });
  }),
];

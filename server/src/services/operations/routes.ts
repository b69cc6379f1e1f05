import {
  healthz,
  listDeadLetters,
  listOpenPayments,
  readMetrics,
  readyz,
  replayDeadLetter,
} from '@usher/contract/operations.ts';
import { refuse } from '../../platform/http/problem.ts';
import { answer, emptyAnswer, type Route, rawAnswer, route } from '../../platform/http/route.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Relay } from '../../platform/outbox/relay.ts';
import { type Payments, viewAttempt } from '../payments/index.ts';

export const operationsRoutes = (deps: {
  metrics: Metrics;
  relay: Relay;
  payments: Payments;
  /** What this process cannot serve without and does not have; empty when it is ready. */
  missing: () => Promise<string[]>;
}): Route[] => {
  const { metrics, relay, payments } = deps;
  return [
    route(healthz, async () => answer(200, { alive: true as const })),

    route(readyz, async () => {
      const missing = await deps.missing();
      return missing.length === 0
        ? answer(200, { ready: true as const })
        : answer(503, { ready: false as const, missing }, { 'retry-after': '1' });
    }),

    route(readMetrics, async () =>
      rawAnswer(200, await metrics.registry.metrics(), {
        'content-type': metrics.registry.contentType,
      }),
    ),

    route(listDeadLetters, async () => {
      const letters = await relay.deadLetters(200);
      const items = letters.map((letter) => ({ ...letter, diedAt: letter.diedAt.toISOString() }));
      return answer(200, { items });
    }),

    route(replayDeadLetter, async ({ params }) =>
      (await relay.replay(params.consumer, params.eventId)) === 'replayed'
        ? emptyAnswer(204)
        : refuse('NOT_FOUND'),
    ),

    route(listOpenPayments, async () =>
      answer(200, { items: (await payments.unknown(200)).map(viewAttempt) }),
    ),
  ];
};

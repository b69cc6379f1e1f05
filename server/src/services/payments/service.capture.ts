import type { Deltas } from '../seats/index.ts';
import type { Provider } from './provider.ts';
import type { ProviderCall } from './provider-call.ts';
import type { BeginRequest, BeginResult, PaymentStore } from './store.ts';

export type Capture = ProviderCall<BeginRequest, BeginResult>;

/** The actor in an order's trail when a payment moved it. */
const who = 'payments';

/**
 * CAPTURE: takes the money for an order. Defines what each step of the call commits; the rules are
 * in the database functions of the same names (sql/).
 */
export const makeCapture = (deps: {
  store: PaymentStore;
  provider: Pick<Provider, 'confirm' | 'query'>;
  seats: { applyAll(deltas: Deltas): void };
  relayWake: () => void;
}): Capture => {
  const { store, provider, seats, relayWake } = deps;
  return {
    kind: 'CAPTURE',
    steps: {
      begin: {
        name: 'begin-payments',
        commit: store.begin,
        failPoint: 'after-seats-locked',
      },
      markSent: {
        name: 'mark-sent',
        commit: async (attemptIds) => {
          const sent = await store.markSent(attemptIds);
          return attemptIds.map((id) => sent.has(id));
        },
        failPoint: 'after-sent-before-call',
      },
      call: {
        name: 'confirm-payment',
        commit: provider.confirm,
        failPoint: 'after-charge-before-answered',
      },
      markAnswered: {
        name: 'mark-answered',
        commit: async (answers) => {
          await store.markAnswered(answers);
          return answers.map(() => undefined);
        },
        failPoint: 'after-answered-before-settle',
      },
      settle: {
        name: 'settle-payments',
        commit: async (settlements) => {
          const { deltas } = await store.settle(settlements, who);
          seats.applyAll(deltas);
          relayWake();
          return settlements.map(() => undefined);
        },
        failPoint: 'after-settle',
      },
      markUnknown: {
        name: 'mark-unknown',
        commit: async (unknowns) => {
          await store.markUnknown(unknowns, who);
          relayWake();
          return unknowns.map(() => undefined);
        },
        failPoint: 'after-unknown',
      },
    },
    query: provider.query,
    find: {
      unsent: (olderThanMs) => store.leftIn('SEATS_LOCKED', olderThanMs),
      answered: (olderThanMs) => store.leftIn('ANSWERED', olderThanMs),
      silent: store.unansweredFor,
      unknown: store.unknown,
    },
  };
};

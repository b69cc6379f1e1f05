import type { Cycle } from '../../platform/cycle.ts';
import type { Deltas } from '../seats/index.ts';
import type { Provider } from './provider.ts';
import type { ProviderCall } from './provider-call.ts';
import {
  type BeginRequest,
  type BeginResult,
  beginKind,
  isDuplicate,
  markAnsweredKind,
  markUnknownKind,
  type PaymentStore,
  refuseBegin,
  type SettleAnswer,
  type Settlement,
  settleKind,
} from './store.ts';

export type Capture = ProviderCall<BeginRequest, BeginResult>;

/**
 * CAPTURE: takes the money for an order. Defines what each step of the call commits; the rules are
 * in the database functions of the same names (sql/).
 */
export const makeCapture = (deps: {
  store: Pick<PaymentStore, 'answeredFor' | 'findSilent' | 'unknown'>;
  cycle: Cycle;
  provider: Pick<Provider, 'confirm' | 'query'>;
  seats: { publish(deltas: Deltas): void };
  relayWake: () => void;
}): Capture => {
  const { store, cycle, provider, seats, relayWake } = deps;
  const begin = cycle.register(beginKind);
  const settle = cycle.register<Settlement, boolean, SettleAnswer>({
    ...settleKind,
    onCommit: ({ deltas }) => {
      seats.publish(deltas);
      relayWake();
    },
  });
  const markUnknown = cycle.register({ ...markUnknownKind, onCommit: () => relayWake() });
  const markAnswered = cycle.register(markAnsweredKind);
  return {
    kind: 'CAPTURE',
    steps: {
      begin: {
        commit: (request) =>
          begin.add(request).catch((error: unknown) => {
            // Another attempt used this payment's key at the same moment.
            if (!isDuplicate(error)) throw error;
            return refuseBegin(request);
          }),
        failPoint: 'after-sent-before-call',
      },
      call: { commit: provider.confirm, failPoint: 'after-charge-before-settle' },
      settle: { commit: settle.add, failPoint: 'after-settle' },
      markAnswered: { commit: markAnswered.add, failPoint: 'after-answered' },
      markUnknown: { commit: markUnknown.add, failPoint: 'after-unknown' },
    },
    query: provider.query,
    find: {
      answered: store.answeredFor,
      silent: store.findSilent,
      unknown: store.unknown,
    },
  };
};

import { makeTextSigner } from '../../platform/signed-token.ts';
import type { NotificationsStore } from './store.ts';

/** Whether an account gets mails about sales that open. */
export type OpeningMails = 'sent' | 'stopped';

export type Stops = ReturnType<typeof makeStops>;

/**
 * Who wants no mails about sales that open. Such a mail has an address that stops them without
 * signing in; it is signed, so that nobody can stop the mails of others.
 */
export const makeStops = (deps: {
  store: Pick<NotificationsStore, 'isStopped' | 'stop' | 'allow'>;
  /** The installation's secret; addresses are signed with a key derived from it. */
  secret: string;
}) => {
  const { store } = deps;
  const signer = makeTextSigner(deps.secret, 'opening-mails');
  /** The account of a token; null: we did not sign it. */
  const readToken = (token: string): string | null => {
    const dot = token.lastIndexOf('.');
    const accountId = token.slice(0, Math.max(dot, 0));
    return signer.matches(accountId, token.slice(dot + 1)) ? accountId : null;
  };
  return {
    makeToken: (accountId: string): string => `${accountId}.${signer.mac(accountId)}`,
    isStopped: store.isStopped,
    /** Null: we did not sign the token. */
    read: async (token: string): Promise<OpeningMails | null> => {
      const accountId = readToken(token);
      if (accountId === null) return null;
      return (await store.isStopped(accountId)) ? 'stopped' : 'sent';
    },
    /** Idempotent. Null: we did not sign the token. */
    set: async (token: string, wanted: OpeningMails): Promise<OpeningMails | null> => {
      const accountId = readToken(token);
      if (accountId === null) return null;
      if (wanted === 'stopped') await store.stop(accountId);
      else await store.allow(accountId);
      return wanted;
    },
  };
};

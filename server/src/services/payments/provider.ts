/**
 * A payment provider, in our words: what it is asked and what it may answer. An adapter
 * (`provider.toss.ts`) translates every answer of its provider into one of these, and what it does
 * not know into `unknown`.
 */

/** What a provider is asked about one attempt; the same for every repeat. */
export type ProviderRequest = {
  /** The provider's name for the payment. */
  paymentKey: string;
  /** Our attempt's id, which the provider knows as its order id. */
  attemptId: string;
  /** In minor units of `currency`: whole won. */
  amountMinor: number;
  currency: string;
  /** The idempotency key: however often it is repeated, the money moves at most once. */
  key: string;
};

/**
 * `declined`: a definite no to this buyer. `refused`: a definite no to us, such as a wrong API key.
 * `unsent`: nothing can have reached the provider. `unknown`: the money may have moved or not.
 */
export type ProviderAnswer =
  | {
      kind: 'approved';
      /** The provider's id of the money's movement. */
      transaction: string;
      /** What its webhooks about this payment carry; null where it has none. */
      secret: string | null;
    }
  | { kind: 'declined' | 'refused' | 'unknown' | 'unsent'; code: string };

export type Provider = {
  /** Takes the money. Never rejects: what goes wrong on the way is an answer too. */
  confirm(request: ProviderRequest): Promise<ProviderAnswer>;
  /**
   * Asks what became of a payment; moves nothing and never rejects. A payment that waits for its
   * confirmation is `unknown` with the code `stillPending`.
   */
  query(request: ProviderRequest): Promise<ProviderAnswer>;
  /** Calls without an answer get none: they are `unknown`. */
  close(): Promise<void>;
};

/** The code of an `unknown` payment of which the provider says that no money has moved yet. */
export const stillPending = 'STILL_PENDING';

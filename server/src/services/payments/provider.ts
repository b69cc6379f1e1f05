/**
 * A payment provider in our terms: its requests and possible answers. An adapter
 * (`provider.toss.ts`) translates every answer of its provider into one of these, and any that it
 * does not know into `unknown`.
 */

/** The request to a provider about one attempt; identical for every repeat. */
export type ProviderRequest = {
  /** The provider's name for the payment. */
  paymentKey: string;
  /** Our attempt's id, which the provider knows as its order id. */
  attemptId: string;
  /** In minor units of `currency`: whole won. */
  amountMinor: number;
  currency: string;
  /** The idempotency key: however often the call is repeated, the money moves at most once. */
  key: string;
};

/**
 * `declined`: definitely declined for this buyer. `refused`: our request was definitely refused,
 * such as for a wrong API key. `unsent`: nothing can have reached the provider. `unknown`: the
 * money may have moved or not.
 */
export type ProviderAnswer =
  | {
      kind: 'approved';
      /** The provider's id of the money's movement. */
      transaction: string;
      /** What its webhooks about this payment carry; null if it has none. */
      secret: string | null;
    }
  | { kind: 'declined' | 'refused' | 'unknown' | 'unsent'; code: string };

export type Provider = {
  /** Takes the money. Never rejects: a failure on the way is an answer too. */
  confirm(request: ProviderRequest): Promise<ProviderAnswer>;
  /**
   * Asks for the outcome of a payment; moves no money and never rejects. A payment that waits for
   * its confirmation is `unknown` with the code `stillPending`.
   */
  query(request: ProviderRequest): Promise<ProviderAnswer>;
  /** Aborts calls that have no answer yet: they are `unknown`. */
  close(): Promise<void>;
};

/** The code of an `unknown` payment for which the provider says that no money has moved yet. */
export const stillPending = 'STILL_PENDING';

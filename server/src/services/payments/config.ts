import { z } from 'zod';
import {
  defineSection,
  findExample,
  findMissing,
  isPlainHttp,
  origin,
  type SettingsOf,
  wholeNumber,
} from '../../platform/config.ts';

const providerKey = z.string().min(8, 'must have at least 8 characters');

/** The payment provider, and how long it may take. */
export const paymentsSection = defineSection({
  settings: {
    /** How long a buyer waits for the provider before the response is 202. */
    PAYMENT_WAIT_MS: wholeNumber(100, 10_000).default(8000),
    /** The provider's own advice for calls that move money (toss-payments: 60 s). */
    PAYMENT_TIMEOUT_MS: wholeNumber(1000, 120_000).default(60_000),
    /** If it is not set, the payment sandbox is started, too. */
    TOSS_URL: origin.optional(),
    TOSS_SECRET_KEY: providerKey.optional(),
    TOSS_CLIENT_KEY: providerKey.optional(),
  },
  findFaults: ({ given, config, isProduction, serves }) => {
    const faults: string[] = [];
    const isPaid = serves('payments');
    // The payment window is opened by the process that placed the order, with only the client key.
    const isOrdered = serves('orders');
    if (isProduction && isPaid)
      faults.push(
        ...findMissing(given, 'TOSS_URL', 'the payment sandbox moves no money'),
        ...findMissing(given, 'TOSS_SECRET_KEY', 'payments cannot be confirmed without it'),
      );
    if (isProduction && (isPaid || isOrdered))
      faults.push(
        ...findMissing(given, 'TOSS_CLIENT_KEY', 'the payment window cannot be opened without it'),
      );
    if (!isProduction && isPaid && given['TOSS_URL'] !== undefined)
      for (const name of ['TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY'])
        if (given[name] === undefined) faults.push(`${name}: must be set when TOSS_URL is`);
    if (!isProduction && isOrdered && !isPaid && given['TOSS_CLIENT_KEY'] === undefined)
      faults.push('TOSS_CLIENT_KEY: must be set where orders are served without payments');
    if (!isProduction) return faults;
    if (isPlainHttp(config.TOSS_URL))
      faults.push('TOSS_URL: must be https in production: the key travels');
    for (const name of ['TOSS_SECRET_KEY', 'TOSS_CLIENT_KEY'] as const) {
      faults.push(...findExample(name, config[name]));
      if (config[name]?.startsWith('test_'))
        faults.push(`${name}: is a test key, which moves no money`);
    }
    return faults;
  },
});
export type PaymentsSettings = SettingsOf<typeof paymentsSection>;

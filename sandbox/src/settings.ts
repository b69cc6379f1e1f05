import { z } from 'zod';
import type { CardOutcome } from './payment.ts';

const percent = z.number().min(0).max(100);

export const settingsSchema = z.strictObject({
  /** Added to every API call before the provider's work. */
  latencyMs: z.number().min(0).max(600_000),
  /** How long a hanging call is kept before its connection is closed. */
  hangMs: z.number().min(1).max(600_000),
  /** Probabilities for payments that do not name their outcome; the rest is approved. */
  declinePercent: percent,
  timeoutPercent: percent,
  webhookDuplicatePercent: percent,
  webhookDropPercent: percent,
  webhookDelayMs: z.number().min(0).max(86_400_000),
  /** This many webhooks are collected and then sent last first; 1 sends each at once. */
  webhookReorder: z.int().min(1).max(1000),
});
export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  latencyMs: 0,
  hangMs: 120_000,
  declinePercent: 0,
  timeoutPercent: 0,
  webhookDuplicatePercent: 0,
  webhookDropPercent: 0,
  webhookDelayMs: 0,
  webhookReorder: 1,
};

/** The card's outcome if none was chosen; half of the timeouts are charged. */
export const chanceOutcome = (settings: Settings, random: () => number): CardOutcome => {
  const { declinePercent, timeoutPercent } = settings;
  if (declinePercent === 0 && timeoutPercent === 0) return 'approve';
  const drawn = random() * 100;
  if (drawn < declinePercent) return 'decline';
  if (drawn < declinePercent + timeoutPercent / 2) return 'timeout';
  return drawn < declinePercent + timeoutPercent ? 'lost' : 'approve';
};

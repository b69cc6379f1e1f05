/** The languages that the product speaks. */
export const LOCALES = ['ko', 'en'] as const;
export type Locale = (typeof LOCALES)[number];

/** A text that people read, in every language. */
export type LocalText = { ko: string; en: string };

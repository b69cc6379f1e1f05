/** The languages of the product. */
export const locales = ['ko', 'en'] as const;
export type Locale = (typeof locales)[number];

/** A text that people read, in every language. */
export type LocalText = { ko: string; en: string };

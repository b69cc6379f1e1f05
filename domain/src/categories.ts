export const CATEGORIES = ['MUSICAL', 'CONCERT', 'PLAY', 'CLASSIC', 'EXHIBITION'] as const;
export type Category = (typeof CATEGORIES)[number];

export type Locale = 'ko' | 'en';

/** What kind of show it is; fees and rankings are told apart by it. */
export const CATEGORIES = ['MUSICAL', 'CONCERT', 'PLAY', 'CLASSIC', 'EXHIBITION'] as const;
export type Category = (typeof CATEGORIES)[number];

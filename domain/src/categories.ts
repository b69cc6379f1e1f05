/** The kind of show; fees and rankings depend on it. */
export const CATEGORIES = ['MUSICAL', 'CONCERT', 'PLAY', 'CLASSIC', 'EXHIBITION'] as const;
export type Category = (typeof CATEGORIES)[number];

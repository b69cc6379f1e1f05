/** The kind of show; fees and rankings depend on it. */
export const showCategories = ['MUSICAL', 'CONCERT', 'PLAY', 'CLASSIC', 'EXHIBITION'] as const;
export type Category = (typeof showCategories)[number];

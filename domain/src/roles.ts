/** What an account may do: buy; put shows on sale; run the ticket office. */
export const ROLES = ['BUYER', 'ORGANISER', 'OPERATOR'] as const;
export type Role = (typeof ROLES)[number];

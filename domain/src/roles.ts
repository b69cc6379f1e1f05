/** What an account may do: buy; put shows on sale; run the ticket office. */
export const accountRoles = ['BUYER', 'ORGANISER', 'OPERATOR'] as const;
export type Role = (typeof accountRoles)[number];

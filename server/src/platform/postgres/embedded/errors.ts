/** True if the error has one of the codes (of the operating system, Node or PostgreSQL). */
export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

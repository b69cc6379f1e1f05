/** True if the error has one of the codes (of the operating system, Node or PostgreSQL). */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** A bug is an assertion: what does not hold here was broken by our own code. */
export function assert(holds: boolean, says: string): asserts holds {
  if (!holds) throw new Error(`assertion failed: ${says}`);
}

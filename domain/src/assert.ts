/** A bug is an assertion: if it fails, our own code is wrong. */
export function assert(holds: boolean, says: string): asserts holds {
  if (!holds) throw new Error(`assertion failed: ${says}`);
}

/** Processes each item, at most `atOnce` at a time; the first failure ends the rest. */
export const inParallel = async <I, O>(
  items: readonly I[],
  atOnce: number,
  work: (item: I, at: number) => Promise<O>,
): Promise<O[]> => {
  const results: O[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at] as I, at);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  } catch (error) {
    next = items.length;
    throw error;
  }
  return results;
};

type Cleanup = () => void | Promise<void>;

// On globalThis: a file that resets its modules gets a second copy of this one.
const key = Symbol.for('usher.tests.after-this-file');
const shelf = globalThis as { [key]?: Cleanup[] };

/** Runs after the last hook of the test file. Can be called anywhere, also in tests. */
export const afterThisFile = (cleanup: Cleanup): void => {
  shelf[key] ??= [];
  shelf[key].push(cleanup);
};

/** Called by setup.ts only: newest first, and all of them even if one fails. */
export const cleanUpAfterFile = async (): Promise<void> => {
  const faults: unknown[] = [];
  for (const cleanup of (shelf[key] ?? []).splice(0).reverse()) {
    try {
      await cleanup();
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, 'cleaning up after the file failed');
};

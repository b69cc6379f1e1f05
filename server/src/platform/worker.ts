/** Something that goes on until it is stopped. */
export type Worker = {
  /** Resolves when what was under way is finished. */
  stop(): Promise<void>;
};

/** The worker of what does nothing without being asked. */
export const idleWorker: Worker = { stop: async () => undefined };

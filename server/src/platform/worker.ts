/** Something that runs until it is stopped. */
export type Worker = {
  /** Resolves when the work in progress is finished. */
  stop(): Promise<void>;
};

/** The worker of something that does nothing by itself. */
export const idleWorker: Worker = { stop: async () => undefined };

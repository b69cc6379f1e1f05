/**
 * An external failure: a store, a network or a provider did not do what it should. Thrown, never
 * returned. `retryable` says that the same call may succeed later; its outcome may be unknown.
 */
export class Failure extends Error {
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** A bug: a state that the program's own rules exclude. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

export const unreachable = (value: never): never => {
  throw new Error(`assertion failed: unexpected ${JSON.stringify(value)}`);
};

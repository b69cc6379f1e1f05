import { createHook } from 'node:async_hooks';

/** What a test file must not leave behind, by the names that Node gives these resources. */
const kinds: Record<string, string> = {
  Timeout: 'timer',
  TCPWRAP: 'socket',
  PIPEWRAP: 'pipe',
  TCPSERVERWRAP: 'server',
  PIPESERVERWRAP: 'server',
  UDPWRAP: 'datagram socket',
  TLSWRAP: 'TLS socket',
  PROCESSWRAP: 'child process',
  FSEVENTWRAP: 'file watcher',
  STATWATCHER: 'file watcher',
  WORKER: 'worker thread',
};
/** A closed socket disappears one or two turns of the loop after its end: allow for them. */
const settleLimitMs = 1_000;
const pollMs = 5;

export type LeakWatch = {
  /** Rejects with what was opened since and is still open, and where it was opened. */
  expectNothingLeft(): Promise<void>;
};

type Opened = { kind: string; stack: string; resource: WeakRef<object> };

/**
 * Watches everything that is opened from now on. What Node's event loop does not wait for (unref)
 * is no leak, and neither is what the test runner opens for itself.
 */
export const watchForLeaks = (): LeakWatch => {
  const opened = new Map<number, Opened>();
  const wait = globalThis.setTimeout;
  let watching = true;
  const hook = createHook({
    // Promises are no leaks, and watching them makes them three times slower.
    trackPromises: false,
    init(id, type, _trigger, resource) {
      const kind = kinds[type];
      if (kind === undefined || !watching) return;
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 40;
      const stack = new Error('opened').stack ?? '';
      Error.stackTraceLimit = stackTraceLimit;
      if (!isOfTheRunner(stack, kind))
        opened.set(id, { kind, stack, resource: new WeakRef(resource) });
    },
    destroy(id) {
      opened.delete(id);
    },
  }).enable();

  return {
    async expectNothingLeft() {
      watching = false;
      const deadlineMs = performance.now() + settleLimitMs;
      const left = () => [...opened.values()].filter(({ resource }) => isHolding(resource.deref()));
      while (left().length > 0 && performance.now() < deadlineMs) {
        await new Promise((resolve) => wait(resolve, pollMs));
      }
      hook.disable();
      const leaks = left();
      if (leaks.length > 0) throw new Error(`the test file left open:\n${describe(leaks)}`);
    },
  };
};

const isHolding = (resource: object | undefined): boolean => {
  if (resource === undefined || isStandardStream(resource)) return false;
  if ('hasRef' in resource && typeof resource.hasRef === 'function') return resource.hasRef();
  return true;
};

/** Node opens them on first use and never closes them. */
const isStandardStream = (resource: object): boolean => {
  const streams = [process.stdin, process.stdout, process.stderr];
  return streams.some((stream) => '_handle' in stream && stream._handle === resource);
};

/** Decided by the innermost frame outside of Node; Node's own timers are no leaks. */
const isOfTheRunner = (stack: string, kind: string): boolean => {
  const frames = stack.split('\n').filter((line) => !/\(?node:|\/leaks\.ts|^Error/.test(line));
  const first = frames[0] ?? '';
  if (first === '') return kind === 'timer';
  return /node_modules\/(@?vitest|tinypool|vite)\b/.test(first);
};

/** What Node opens one turn after the request has no frame of ours; its port identifies it. */
const describe = (leaks: Opened[]): string =>
  leaks
    .map(({ kind, stack, resource }) => {
      const frames = stack.split('\n').slice(1);
      const ours = frames.filter((line) => !/node:|node_modules|\/leaks\.ts/.test(line));
      const theirs = frames.filter((line) => !/\(?node:|\/leaks\.ts/.test(line));
      const where = ours.length > 0 ? ours : [...portOf(resource.deref()), ...theirs];
      return `${kind}, opened\n${where.slice(0, 5).join('\n')}`;
    })
    .join('\n');

const portOf = (handle: object | undefined): string[] => {
  const name: { port?: number } = {};
  if (!handle || !('getsockname' in handle) || typeof handle.getsockname !== 'function') return [];
  handle.getsockname(name);
  return name.port === undefined ? [] : [`    on port ${name.port}`];
};

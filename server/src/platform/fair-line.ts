import { Failure } from './failure.ts';

/**
 * Expensive work, a few at once, in lines of its own for each kind. Within a line the sources (IP
 * addresses) take turns, so that one source with a hundred calls delays another source's call by
 * one turn, not by a hundred. A full line drops the newest call of the source that has the most.
 */
export type FairLine<Kind extends string> = {
  /** Runs `work` in its turn. Throws OVERLOADED (retryable) if its line is full. */
  run<T>(kind: Kind, source: string, work: () => Promise<T>): Promise<T>;
};

type Waiting = { begin: () => void; refuse: (error: Failure) => void };

/** One line: the sources in the order of their turns, each with its calls, oldest first. */
const makeLine = (waitingMax: number) => {
  const sources = new Map<string, Waiting[]>();
  let size = 0;

  const removeNewestOf = (source: string, calls: Waiting[]): Waiting | undefined => {
    size--;
    const newest = calls.pop();
    if (calls.length === 0) sources.delete(source);
    return newest;
  };
  const findLongest = (): [string, Waiting[]] | undefined => {
    let longest: [string, Waiting[]] | undefined;
    for (const entry of sources)
      if (longest === undefined || entry[1].length > longest[1].length) longest = entry;
    return longest;
  };

  return {
    isEmpty: (): boolean => size === 0,
    add: (source: string, call: Waiting): void => {
      const own = sources.get(source);
      if (size >= waitingMax) {
        const longest = findLongest();
        const isOverloaded = new Failure('OVERLOADED', 'too many calls wait for their turn', {
          retryable: true,
        });
        // Taking a place from a source that has no more than this one would only swap the victim.
        if (longest === undefined || longest[1].length <= (own?.length ?? 0) + 1) {
          call.refuse(isOverloaded);
          return;
        }
        removeNewestOf(...longest)?.refuse(isOverloaded);
      }
      size++;
      if (own === undefined) sources.set(source, [call]);
      else own.push(call);
    },
    /** The oldest call of the source whose turn it is; that source then goes to the end. */
    takeNext: (): Waiting | undefined => {
      const [turn] = sources;
      if (turn === undefined) return undefined;
      const [source, calls] = turn;
      sources.delete(source);
      const next = calls.shift();
      size--;
      if (calls.length > 0) sources.set(source, calls);
      return next;
    },
  };
};

/**
 * `kinds` are in order of precedence: a free turn goes to the first line that is not empty. Every
 * `lastEvery`-th turn goes to the last line instead, so that it is slow under a flood but never
 * stops. `atOnce` and `waitingMax` (of each line) are numbers of calls.
 */
export const makeFairLine = <Kind extends string>(deps: {
  kinds: readonly Kind[];
  atOnce: number;
  waitingMax: number;
  lastEvery: number;
}): FairLine<Kind> => {
  const lines = new Map(deps.kinds.map((kind) => [kind, makeLine(deps.waitingMax)]));
  const byPrecedence = [...lines.values()];
  const lastFirst = byPrecedence.toReversed();
  let running = 0;
  let turns = 0;

  const takeNext = (): Waiting | undefined => {
    turns++;
    const order = turns % deps.lastEvery === 0 ? lastFirst : byPrecedence;
    return order.find((line) => !line.isEmpty())?.takeNext();
  };
  return {
    run: async (kind, source, work) => {
      if (running < deps.atOnce) running++;
      // A finished call passes on its turn, so `running` does not change.
      else
        await new Promise<void>(
          (begin, refuse) => void lines.get(kind)?.add(source, { begin, refuse }),
        );
      try {
        return await work();
      } finally {
        const next = takeNext();
        if (next === undefined) running--;
        else next.begin();
      }
    },
  };
};

import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from './failure.ts';
import type { Answer, Order } from './side-thread.ts';

/** What runs in the side thread: it calls one function after another, as side-thread.ts asks. */
const port = parentPort;
assert(port !== null, 'this module runs in a thread');

// Linux gives each thread its own priority, and 0 means the calling one. Elsewhere it belongs to
// the whole process, which must keep it.
if (process.platform === 'linux')
  setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + workerData.niceness));

type Module = Readonly<Record<string, (input: unknown) => unknown>>;

const work = async ({ module, name, input }: Order): Promise<unknown> => {
  const run = ((await import(module)) as Module)[name];
  assert(run !== undefined, `${module} exports ${name}`);
  return run(input);
};

const answerOrder = async (order: Order): Promise<void> => {
  let answer: Answer;
  try {
    answer = { outcome: 'done', result: await work(order) };
  } catch (error) {
    answer = {
      outcome: 'failed',
      error: error instanceof Error ? error : new Error(String(error)),
    };
  }
  try {
    port.postMessage(answer);
  } catch (error) {
    port.postMessage({ outcome: 'failed', error: new Error(`${order.name}: ${error}`) });
  }
};
port.on('message', (order: Order) => void answerOrder(order));

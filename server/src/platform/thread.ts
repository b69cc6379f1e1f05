import { Worker } from 'node:worker_threads';

const bootstrap = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.module).then(async (module) => {
    parentPort.postMessage(await module[workerData.name](workerData.input));
  });
`;

/**
 * Runs an exported function of a module in a separate thread, one at a time, so that a computation
 * of seconds delays no request. Starting the thread takes about 0.1 s; input and result are copied.
 */
type Thread<Input, Result> = (input: Input) => Promise<Result>;

export const makeThread = <Input, Result>(
  /** `import.meta.url` of the module. */
  module: string,
  /** Of a function that the module exports: the thread looks it up there. */
  name: string,
): Thread<Input, Result> => {
  let last: Promise<unknown> = Promise.resolve();
  const run = async (input: Input): Promise<Result> => {
    const worker = new Worker(bootstrap, { eval: true, workerData: { module, name, input } });
    try {
      return await new Promise<Result>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', () => reject(new Error(`the thread of ${name} ended early`)));
      });
    } finally {
      await worker.terminate();
    }
  };
  return (input) => {
    const result = last.then(() => run(input));
    // The next call only waits for this one; the error goes to the caller.
    last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };
};

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ticks = join(import.meta.dirname, 'ticks.ts');

/** How V8 creates the properties of a tick's object after idle moments, in a separate process. */
const statesAfterQuiet = async (first: string): Promise<string[]> => {
  const program = `
    import { keepTicksQuick } from ${JSON.stringify(ticks)};
    const tick = async () => {
      for (let i = 0; i < 2000; i++) await new Promise((done) => process.nextTick(done));
    };
    ${first}
    // V8 forgets at a collection that finds it idle; on a busy machine not every round is one.
    for (let round = 0; round < 20; round++) {
      await tick();
      for (let i = 0; i < 8; i++) {
        await new Promise((done) => setImmediate(done));
        gc();
      }
    }
    await tick();
    const known = %GetFeedback(process.nextTick).filter(Boolean);
    const made = known.filter(([name]) => name === 'DefineKeyedOwnPropertyInLiteral');
    process.stdout.write(JSON.stringify(made.map(([, state]) => state)));
  `;
  const flags = ['--expose-gc', '--allow-natives-syntax', '--input-type=module'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '-e', program]);
  return JSON.parse(stdout) as string[];
};

test('after an idle moment a tick is created as quickly as before', async () => {
  const states = await statesAfterQuiet('keepTicksQuick();');
  expect(states.length).toBeGreaterThan(2);
  expect(new Set(states)).toEqual(new Set(['MONOMORPHIC']));
});

test('guard off: after an idle moment a tick is created the slow way', async () => {
  expect(await statesAfterQuiet('')).toContain('MEGAMORPHIC');
});

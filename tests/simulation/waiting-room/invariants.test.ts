import { describe, expect, test } from 'vitest';
import { playAlone, playTogether } from './differential.ts';
import { breachesOf, promises } from './invariants.ts';
import { plantedBugs } from './planted.ts';

const steps = 400;
/** A bug that needs a rare moment shows with one of these seeds, not with each. */
const seeds = Array.from({ length: 12 }, (_, at) => 3001 + at);

describe('the checkers of the promises', () => {
  test.for(plantedBugs)('detect $bug (promise $promise)', async (planted) => {
    const broken = new Set<number>();
    for (const seed of seeds) {
      const run = await playAlone({ ...planted, seed, steps });
      for (const { promise } of breachesOf(run)) broken.add(promise);
    }
    expect(broken).toContain(planted.promise);
    expect([planted.promise, ...planted.with]).toEqual(expect.arrayContaining([...broken]));
  });

  test.for(plantedBugs)('notice that $bug differs from the model', async (planted) => {
    const play = async (): Promise<void> => {
      for (const seed of seeds) {
        const { crashes, open } = planted;
        const openStages = async (...given: Parameters<typeof open>) => [await open(...given)];
        await playTogether({ seed, steps, crashes, openStages });
      }
    };
    await expect(play()).rejects.toThrow(
      /went another way than the model with seed \d+ at step \d/,
    );
  });

  test('have a planted bug for every promise that a run can break', () => {
    expect(plantedBugs.map(({ promise }) => promise)).toEqual([...promises.keys()]);
  });
});

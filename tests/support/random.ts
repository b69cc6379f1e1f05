/** Repeatable random numbers from a seed, for tests of code that imports nothing of Usher. */
export { makeRandom } from '@usher/domain/random.ts';

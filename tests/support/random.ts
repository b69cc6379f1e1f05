/** For tests of what imports nothing of Usher's: numbers that are the same again for a seed. */
export { makeRandom } from '@usher/domain/random.ts';

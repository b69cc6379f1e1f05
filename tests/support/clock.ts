/** For tests of what knows the server only by HTTP: a clock that the test moves. */
export { type ManualClock, manualClock } from '../../server/src/platform/clock.ts';

/** A clock that the test moves, for tests of code that knows the server only by HTTP. */
export { type ManualClock, manualClock } from '../../server/src/platform/clock.ts';

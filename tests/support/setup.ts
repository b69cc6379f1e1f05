import { afterAll } from 'vitest';
import { cleanUpAfterFile } from './after-file.ts';
import { watchForLeaks } from './leaks.ts';

// Vitest runs these in reverse order of their registration, after those of the test file: first
// what helpers have to clean up, then the check for what is still open.
const leaks = watchForLeaks();
afterAll(() => leaks.expectNothingLeft());
afterAll(() => cleanUpAfterFile());

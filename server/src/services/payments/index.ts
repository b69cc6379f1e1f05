// Beside the roles: toss-codes.ts, what each of Toss's answers means for an attempt.
export { openPayments } from './module.ts';
export { viewAttempt } from './routes.ts';
export type { FailPoint, Payments } from './service.ts';

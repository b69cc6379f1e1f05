// Beside the roles: provider-call.ts, the steps of a call to a provider and its recovery.
// Beside the roles: toss-codes.ts, what each of Toss's answers means for an attempt.
export { openPayments } from './module.ts';
export type { FailPoint } from './provider-call.ts';
export { viewAttempt } from './routes.ts';
export type { Payments } from './service.ts';
export { makeUnknownPayments, type UnknownPayments } from './store.ts';

export { openPayments } from './module.ts';
export { viewAttempt } from './routes.ts';
export type { FailPoint, Payments } from './service.ts';

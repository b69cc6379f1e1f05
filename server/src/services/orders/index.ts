export { openOrders } from './module.ts';
export type { Orders, PaymentWindow } from './service.ts';

export { openOrders } from './module.ts';
export type { Orders, OrderView, PaymentWindow } from './service.ts';

export { openOrders } from './module.ts';
export type { Orders } from './service.ts';
export type { PaymentWindow } from './view.ts';

export { openNotifications } from './module.ts';
export type { NotificationsDoors } from './service.composing.ts';
